// Which runtime a "type" means (config.md 5.1), and the manifest as untrusted text.
#include "base/error.hpp"
#include "module/catalog.hpp"
#include "patchbay/abi.h"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using namespace patchbay::modules;

constexpr const char *kSchema = R"({"type":"object"})";

ModuleInfo runtime(const std::string &language, const std::string &version,
                   const std::string &file = "/m/x.so")
{
    return {"runtime." + language, PB_KIND_RUNTIME, version, file, kSchema};
}

std::string versionFor(const Catalog &catalog, std::string_view type)
{
    const ModuleInfo *found = catalog.findRuntime(type);
    return found == nullptr ? "not found" : found->version;
}

class CatalogTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CatalogTest);
    CPPUNIT_TEST(onePython);
    CPPUNIT_TEST(highestVersion);
    CPPUNIT_TEST(programsTakeNoVersion);
    CPPUNIT_TEST(sameVersionTwice);
    CPPUNIT_TEST(severalVersions);
    CPPUNIT_TEST(unusableFiles);
    CPPUNIT_TEST(onlyRuntimesAreTypes);
    CPPUNIT_TEST(manifestRoundTrip);
    CPPUNIT_TEST(garbageManifests);
    CPPUNIT_TEST(controlCharactersDoNotPass);
    CPPUNIT_TEST_SUITE_END();

    void onePython()
    {
        const Catalog catalog{{runtime("python", "3.11.2")}, {}};
        for (const char *type : {"python", "python3", "python 3", "python 3.11", "python3.11",
                                 "python3.11.2", "python 3.11.2", "python ", "python 3."}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(type, std::string("3.11.2"), versionFor(catalog, type));
        }
        for (const char *type :
             {"python 3.1", "python3.1", "python  3", "Python", "python 3.12", "python 3.11.2.1",
              "python 3.11.20", "pytho", "pythons", " python", "3.11.2", "", " ", "python x"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(type, std::string("not found"), versionFor(catalog, type));
        }
    }

    void highestVersion()
    {
        const Catalog catalog{
            {runtime("php", "7.4.3"), runtime("php", "8.2.36"), runtime("php", "8.2.9")}, {}};
        CPPUNIT_ASSERT_EQUAL(std::string("8.2.36"), versionFor(catalog, "php"));
        CPPUNIT_ASSERT_EQUAL(std::string("8.2.36"), versionFor(catalog, "php8"));
        CPPUNIT_ASSERT_EQUAL(std::string("8.2.9"), versionFor(catalog, "php 8.2.9"));
        CPPUNIT_ASSERT_EQUAL(std::string("7.4.3"), versionFor(catalog, "php 7"));
        CPPUNIT_ASSERT_EQUAL(std::string("not found"), versionFor(catalog, "php 8.2.3"));
        const std::vector<std::string> types = catalog.runtimeTypes();
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, types.size());
        CPPUNIT_ASSERT_EQUAL(std::string("php 7.4.3"), types[0]);
    }

    void programsTakeNoVersion()
    {
        ModuleInfo module = runtime("go", "1.2.3");
        module.program = true;
        const Catalog catalog = parseManifest(writeManifest({{module}, {}}));
        CPPUNIT_ASSERT_EQUAL(std::string("1.2.3"), versionFor(catalog, "go"));
        for (const char *type : {"go 1", "go1", "go 1.2.3", "go 1.2", "Go", "gopher"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(type, std::string("not found"), versionFor(catalog, type));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("go"), catalog.runtimeTypes().at(0));
    }

    void sameVersionTwice()
    {
        const Catalog catalog{
            {runtime("php", "8.2.1", "/m/a.so"), runtime("php", "8.2.1", "/m/b.so")}, {}};
        CPPUNIT_ASSERT_EQUAL(std::string("/m/a.so"), catalog.findRuntime("php")->file);
        CPPUNIT_ASSERT_EQUAL(std::string("/m/a.so"), catalog.find("runtime.php")->file);
    }

    void severalVersions()
    {
        const Catalog catalog{{runtime("python", "3.9.18"), runtime("python", "3.11.2"),
                               runtime("python", "3.10.2"), runtime("pypy", "3.10.14")},
                              {}};
        const char *table[][2] = {{"python", "3.11.2"},        {"python3", "3.11.2"},
                                  {"python 3.10", "3.10.2"},   {"python3.9", "3.9.18"},
                                  {"python 3.1", "not found"}, {"python 2", "not found"},
                                  {"pypy", "3.10.14"},         {"pypy 3.11", "not found"}};
        for (const auto &[type, version] : table) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(type, std::string(version), versionFor(catalog, type));
        }
    }

    void unusableFiles()
    {
        const std::string python = "/m/runtime_python3.12.so: cannot be loaded: libpython3.12.so";
        const Catalog catalog{{},
                              {python, "/m/runtime_pythonic.so: bad", "/m/encoder_python.so: x"}};
        CPPUNIT_ASSERT_EQUAL(python, catalog.unusableRuntimes("python 3.12"));
        CPPUNIT_ASSERT_EQUAL(std::string("/m/runtime_pythonic.so: bad"),
                             catalog.unusableRuntimes("pythonic"));
        CPPUNIT_ASSERT_EQUAL(std::string(), catalog.unusableRuntimes("php"));
        CPPUNIT_ASSERT_EQUAL(std::string(), catalog.unusableRuntimes(""));
        const Catalog two{{}, {"/m/runtime_php7.so: a", "/m/runtime_php.so: b"}};
        CPPUNIT_ASSERT_EQUAL(std::string("/m/runtime_php7.so: a; /m/runtime_php.so: b"),
                             two.unusableRuntimes("php"));
    }

    void onlyRuntimesAreTypes()
    {
        const Catalog catalog{{{"encoder.python", PB_KIND_ENCODER, "1.0", "/m/e.so", kSchema}}, {}};
        CPPUNIT_ASSERT(catalog.findRuntime("python") == nullptr);
        CPPUNIT_ASSERT(catalog.runtimeTypes().empty());
        CPPUNIT_ASSERT(catalog.find("encoder.python") != nullptr);
        CPPUNIT_ASSERT(catalog.find("encoder") == nullptr);
        CPPUNIT_ASSERT_EQUAL(std::string("python"), std::string(catalog.modules[0].name()));
    }

    void manifestRoundTrip()
    {
        const Catalog catalog{
            {{"listener.tcp", PB_KIND_LISTENER, "1.0 \"x\"", "/m/\xC3\xA4 b.so",
              R"({"type":"object","properties":{"backlog":{"type":"integer","minimum":-1}}})"},
             runtime("python", "3.11.2")},
            {"/m/bad.so: cannot be loaded: it is \\ bad", ""}};
        const Catalog again = parseManifest(writeManifest(catalog));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, again.modules.size());
        for (std::size_t i = 0; i < again.modules.size(); ++i) {
            CPPUNIT_ASSERT_EQUAL(catalog.modules[i].id, again.modules[i].id);
            CPPUNIT_ASSERT_EQUAL(catalog.modules[i].kind, again.modules[i].kind);
            CPPUNIT_ASSERT_EQUAL(catalog.modules[i].version, again.modules[i].version);
            CPPUNIT_ASSERT_EQUAL(catalog.modules[i].file, again.modules[i].file);
            CPPUNIT_ASSERT_EQUAL(catalog.modules[i].schema, again.modules[i].schema);
        }
        CPPUNIT_ASSERT(catalog.rejected == again.rejected);
        CPPUNIT_ASSERT(parseManifest(writeManifest({})).modules.empty());
    }

    void garbageManifests()
    {
        const std::string good = writeManifest({{runtime("python", "3.11.2")}, {"/m/a.so: bad"}});
        CPPUNIT_ASSERT_NO_THROW(parseManifest(good));
        const auto changed = [&](std::string_view from, std::string_view to) {
            std::string text = good;
            const std::size_t at = text.find(from);
            CPPUNIT_ASSERT(at != text.npos);
            return text.replace(at, from.size(), to);
        };
        const std::string garbage[] = {
            "",
            "null",
            "[]",
            "{}",
            "\x7F"
            "ELF",
            R"({"modules":{},"rejected":[]})",
            R"({"modules":[1],"rejected":[]})",
            R"({"modules":[{}],"rejected":[]})",
            R"({"modules":[]})",
            std::string(100'000, '['),
            good + "x",
            changed("\"kind\":3", "\"kind\":-1"),
            changed("\"kind\":3", "\"kind\":4"),
            changed("\"kind\":3", "\"kind\":1"),
            changed("\"kind\":3", "\"kind\":4294967299"),
            changed("\"kind\":3", "\"kind\":\"3\""),
            changed("runtime.python", "runtime."),
            changed("runtime.python", "runtime.py/thon"),
            changed("/m/x.so", "x.so"),
            changed("/m/x.so", "/m/\\n.so"),
            changed("3.11.2", ""),
            changed("\"object", "\"objct"),
        };
        for (const std::string &text : garbage) {
            CPPUNIT_ASSERT_THROW_MESSAGE(text.substr(0, 200), parseManifest(text), patchbay::Error);
        }
        for (std::size_t size = 0; size < good.size(); ++size) {
            CPPUNIT_ASSERT_THROW(parseManifest(good.substr(0, size)), patchbay::Error);
        }
    }

    // What a module calls itself ends up in a log and on a terminal.
    void controlCharactersDoNotPass()
    {
        Catalog catalog{{runtime("python", "3\x1B[31m")}, {"/m/a.so: \x07\x7F"}};
        catalog = parseManifest(writeManifest(catalog));
        CPPUNIT_ASSERT_EQUAL(std::string("3?[31m"), catalog.modules[0].version);
        CPPUNIT_ASSERT_EQUAL(std::string("/m/a.so: ??"), catalog.rejected[0]);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CatalogTest);

} // namespace
