// The directory of modules as a whole: good ones are found whatever the others do.
#include "base/error.hpp"
#include "module/discovery.hpp"
#include "module/registry.hpp"
#include "support.hpp"
#include "json/reader.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <unistd.h>

#include <fstream>

namespace {

using namespace patchbay::modules;
using contract::errorOf;
using contract::modulePath;
using contract::TempDir;

std::string special(std::string_view name)
{
    return std::string(PB_CONTRACT_SPECIAL "/") + std::string(name) + ".so";
}

class DiscoveryTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DiscoveryTest);
    CPPUNIT_TEST(findsTheGoodAmongTheBroken);
    CPPUNIT_TEST(survivesWhatLoadingDoes);
    CPPUNIT_TEST(twiceTheSame);
    CPPUNIT_TEST(leavesOtherFilesAlone);
    CPPUNIT_TEST(writesTheManifest);
    CPPUNIT_TEST(printsBothWays);
    CPPUNIT_TEST(shippedListeners);
    CPPUNIT_TEST(registryRefusals);
    CPPUNIT_TEST(oneSchemeOneModule);
    CPPUNIT_TEST_SUITE_END();

    void findsTheGoodAmongTheBroken()
    {
        TempDir dir;
        const std::string good = dir.copy(modulePath("good_encoder"), "m.so");
        const std::string text = dir.copy(modulePath("text_file"), "a.so");
        const std::string major = dir.copy(modulePath("other_major"), "z.so");
        const Catalog catalog = discover(dir.path());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, catalog.modules.size());
        CPPUNIT_ASSERT_EQUAL(std::string("encoder.contract"), catalog.modules[0].id);
        CPPUNIT_ASSERT_EQUAL(good, catalog.modules[0].file);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, catalog.rejected.size());
        CPPUNIT_ASSERT(catalog.rejected[0].starts_with(text + ": cannot be loaded: "));
        CPPUNIT_ASSERT(catalog.rejected[1].starts_with(major + ": was built for ABI 2.1"));
    }

    void survivesWhatLoadingDoes()
    {
        const Catalog catalog = discover(PB_CONTRACT_SPECIAL, std::chrono::seconds(2));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, catalog.modules.size());
        CPPUNIT_ASSERT_EQUAL(std::string("encoder.prints"), catalog.modules[0].id);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, catalog.rejected.size());
        CPPUNIT_ASSERT_EQUAL(special("aborts") + ": crashes while it is loaded (signal 6)",
                             catalog.rejected[0]);
        CPPUNIT_ASSERT_EQUAL(special("exits") +
                                 ": ends the process while it is loaded (exit status 3)",
                             catalog.rejected[1]);
        CPPUNIT_ASSERT_EQUAL(special("hangs") + ": takes too long to load", catalog.rejected[2]);
    }

    void twiceTheSame()
    {
        TempDir dir;
        const std::string first = dir.copy(modulePath("good_encoder"), "a.so");
        const std::string second = dir.copy(modulePath("good_encoder"), "b.so");
        const Catalog catalog = discover(dir.path());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, catalog.modules.size());
        CPPUNIT_ASSERT_EQUAL(first, catalog.find("encoder.contract")->file);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, catalog.rejected.size());
        CPPUNIT_ASSERT_EQUAL(second + ": is encoder.contract 1.0, as is " + first +
                                 ", which comes first by name",
                             catalog.rejected[0]);
    }

    void leavesOtherFilesAlone()
    {
        TempDir dir;
        std::ofstream(dir.path() + "/python3.11.unit.so") << "Unit's";
        std::ofstream(dir.path() + "/README") << "no module";
        const Catalog catalog = discover(dir.path());
        CPPUNIT_ASSERT(catalog.modules.empty());
        CPPUNIT_ASSERT(catalog.rejected.empty());
        CPPUNIT_ASSERT_EQUAL(std::string("the modules directory \"/nowhere/at/all\": open() failed "
                                         "(2: No such file or directory)"),
                             errorOf([] { discover("/nowhere/at/all"); }));
    }

    void writesTheManifest()
    {
        TempDir dir;
        dir.copy(modulePath("good_encoder"), "a.so");
        int ends[2];
        CPPUNIT_ASSERT_EQUAL(0, ::pipe(ends));
        CPPUNIT_ASSERT_EQUAL(0, runDiscovery(dir.path(), ends[1]));
        ::close(ends[1]);
        std::string text(4096, '\0');
        const ssize_t size = ::read(ends[0], text.data(), text.size());
        ::close(ends[0]);
        CPPUNIT_ASSERT(size > 0);
        const Catalog catalog = parseManifest(text.substr(0, static_cast<std::size_t>(size)));
        CPPUNIT_ASSERT_EQUAL(std::string("encoder.contract"), catalog.modules.at(0).id);
        CPPUNIT_ASSERT_EQUAL(1, runDiscovery("/nowhere/at/all", -1));
    }

    void printsBothWays()
    {
        TempDir dir;
        const std::string file = dir.copy(modulePath("good_encoder"), "a.so");
        const std::string text = dir.copy(modulePath("text_file"), "b.so");
        const Catalog catalog = discover(dir.path());
        CPPUNIT_ASSERT_EQUAL("ID                VERSION  FILE\n"
                             "encoder.contract  1.0      " +
                                 file + "\n\nNot usable:\n  " + text +
                                 ": cannot be loaded: invalid ELF header\n",
                             formatCatalog(catalog, false));
        const patchbay::json::Value document = patchbay::json::read(formatCatalog(catalog, true));
        const patchbay::json::Value &module = document.find("modules")->items().at(0);
        CPPUNIT_ASSERT_EQUAL(std::string("encoder"), std::string(module.stringOf("kind")));
        CPPUNIT_ASSERT_EQUAL(file, std::string(module.stringOf("file")));
        CPPUNIT_ASSERT_EQUAL(std::string("object"),
                             std::string(module.find("options")->stringOf("type")));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, document.find("rejected")->items().size());
    }

    void shippedListeners()
    {
        TempDir dir;
        dir.copy(PB_SHIPPED_MODULES "/listener_tcp.so", "listener_tcp.so");
        dir.copy(PB_SHIPPED_MODULES "/listener_unix.so", "listener_unix.so");
        Registry registry(discover(dir.path()));
        const auto idFor = [&](std::string_view address) {
            return std::string(registry.listenerFor(address)->descriptor().id);
        };
        CPPUNIT_ASSERT_EQUAL(std::string("listener.tcp"), idFor("127.0.0.1:80"));
        CPPUNIT_ASSERT_EQUAL(std::string("listener.tcp"), idFor("[::1]:80"));
        CPPUNIT_ASSERT_EQUAL(std::string("listener.tcp"), idFor("unix"));
        CPPUNIT_ASSERT_EQUAL(std::string("listener.unix"), idFor("unix:/run/a"));
        CPPUNIT_ASSERT(registry.module("listener.tcp") == registry.listenerFor("*:80"));
    }

    void registryRefusals()
    {
        Registry empty((Catalog()));
        CPPUNIT_ASSERT_EQUAL(
            std::string("The module \"encoder.x\" is not found among the available modules."),
            errorOf([&] { empty.module("encoder.x"); }));
        CPPUNIT_ASSERT(errorOf([&] { empty.listenerFor("*:80"); }).starts_with("No module for "));

        TempDir dir;
        const std::string file = dir.copy(modulePath("good_encoder"), "a.so");
        const std::string interpreter = dir.copy(modulePath("sdk_runtime"), "b.so");
        Registry registry(discover(dir.path()));
        CPPUNIT_ASSERT_EQUAL(interpreter + ": is a language runtime, which the router never loads",
                             errorOf([&] { registry.module("runtime.contract"); }));
        std::filesystem::remove(file);
        dir.copy(modulePath("sdk_encoder"), "a.so");
        CPPUNIT_ASSERT_EQUAL(file + ": is another module than a moment ago: reload again",
                             errorOf([&] { registry.module("encoder.contract"); }));
    }

    void oneSchemeOneModule()
    {
        TempDir dir;
        const std::string first = dir.copy(modulePath("sdk_listener"), "a.so");
        Catalog catalog = discover(dir.path());
        ModuleInfo other = catalog.modules.at(0);
        other.file = dir.path() + "/gone.so"; // cannot be loaded any more: only that one is lost
        other.id = "listener.gone";
        catalog.modules.insert(catalog.modules.begin(), other);
        Registry registry(std::move(catalog));
        CPPUNIT_ASSERT_EQUAL(first, registry.listenerFor("contract:x")->file());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DiscoveryTest);

} // namespace
