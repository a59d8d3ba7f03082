// Applications with several targets: what may be written, where listeners lead, what modules and
// editors are told (config.md 4, 5.1).
#include "patchbay/abi.h"
#include "router/control/config_document.hpp"
#include "router/control/json_schema.hpp"
#include "json/writer.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

using namespace patchbay;
using namespace patchbay::control;
using namespace std::string_literals;

namespace {

constexpr char kSchema[] = R"json({"type":"object","required":["module"],"properties":{
  "module":{"type":"string"}, "callable":{"type":"string"}, "threads":{"type":"integer"},
  "targets":{"type":"object","additionalProperties":{
    "type":"object","required":["module"],"additionalProperties":false,"properties":{
      "module":{"type":"string"}, "callable":{"type":"string"}}}}}})json";

const modules::Catalog &catalog()
{
    const auto module = [](const char *id, std::uint32_t kind, const char *schema) {
        return modules::ModuleInfo{id, kind, "1", "/modules/"s + id + ".so", schema};
    };
    static const modules::Catalog result = [&] {
        modules::Catalog all;
        all.modules = {module("encoder.many", PB_KIND_ENCODER, "{}"),
                       module("encoder.one", PB_KIND_ENCODER, "{}"),
                       module("listener.tcp", PB_KIND_LISTENER, R"({"type":"object"})"),
                       module("runtime.many", PB_KIND_RUNTIME, kSchema),
                       module("runtime.one", PB_KIND_RUNTIME, R"({"type":"object"})")};
        return all;
    }();
    return result;
}

ConfigDocument parse(const std::string &text)
{
    return checkConfiguration(readConfiguration({{"c", text}}), {catalog(), {"/tmp", false}});
}

// Of the first problem, without its place in the text; empty: none.
std::string errorOf(const std::string &text)
{
    try {
        parse(text);
    } catch (const ConfigError &error) {
        const std::string what = error.what();
        const std::size_t begin = what.find(": ") + 2;
        return what.substr(begin, what.find('\n') - begin);
    }
    return "";
}

std::string application(const std::string &members)
{
    return R"({"applications":{"a":{"type":"many",)" + members + "}}}";
}

std::string listener(const std::string &pass, const std::string &targets)
{
    return R"({"listeners":{"*:80":{"pass":")" + pass +
           R"("}},"applications":{"a/b":{"type":"many","targets":)" + targets + "}}}";
}

constexpr const char *kTwo = R"({"z":{"module":"m"},"b":{"module":"n"}})";

class TargetsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TargetsTest);
    CPPUNIT_TEST(errors);
    CPPUNIT_TEST(oneOfManyErrorsIsEnough);
    CPPUNIT_TEST(listenersLeadToThem);
    CPPUNIT_TEST(thePlaceInTheTextDoesNotMatter);
    CPPUNIT_TEST(asJsonSchema);
    CPPUNIT_TEST_SUITE_END();

public:
    void errors()
    {
        const std::pair<std::string, std::string> table[] = {
            {R"("targets":{"x":{"module":"m"}})", ""},
            {R"("targets":{})", ""},
            {R"("targets":[])", "/applications/a: Required parameter \"module\" is missing."},
            {R"("module":"m","targets":[])", "/applications/a/targets: The \"targets\" "
                                             "value must be an object, but not an array."},
            {R"("threads":1)", "/applications/a: Required parameter \"module\" is missing."},
            {R"("callable":"c","targets":{"x":{"module":"m"}})",
             "/applications/a/callable: The \"callable\" option is mutually exclusive with "
             "the \"targets\" object."},
            {R"("targets":{"":{"module":"m"}})", "/applications/a/targets/: The target "
                                                 "name must not be empty."},
            {R"("targets":{"x":1})", "/applications/a/targets/x: The \"x\" target must be "
                                     "an object."},
            {R"("targets":{"x":{}})", "/applications/a/targets/x: Required parameter "
                                      "\"module\" is missing."},
            {R"("targets":{"x":{"module":"m","modul":1}})",
             "/applications/a/targets/x/modul: Unknown parameter \"modul\". Did you mean "
             "\"module\"?"},
        };
        for (const auto &[members, error] : table) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(members, error, errorOf(application(members)));
        }
        const std::string unknown =
            errorOf(R"({"applications":{"a":{"type":"one","targets":{}}}})");
        CPPUNIT_ASSERT(
            unknown.starts_with("/applications/a/targets: Unknown parameter \"targets\"."));
    }

    void oneOfManyErrorsIsEnough()
    {
        std::string many;
        for (int i = 0; i < 255; i++) {
            many += (i == 0 ? "" : ",") + ("\"t" + std::to_string(i)) + R"(":{"module":"m"})";
        }
        CPPUNIT_ASSERT_EQUAL(
            "/applications/a/targets: The \"targets\" object must not contain more than 254 members."s,
            errorOf(application("\"targets\":{" + many + "}")));
    }

    void listenersLeadToThem()
    {
        const auto index = [](const std::string &pass) {
            return parse(listener(pass, kTwo)).listeners.at(0).targetIndex;
        };
        CPPUNIT_ASSERT_EQUAL(0u, index("applications/a%2Fb/b"));
        CPPUNIT_ASSERT_EQUAL(1u, index("applications/a%2Fb/z"));
        CPPUNIT_ASSERT_EQUAL(1u, index("applications/a%2Fb")); // the first that is written
        CPPUNIT_ASSERT_EQUAL("/listeners/*:80/pass: Request \"pass\" points to invalid location "
                             "\"applications/a%2Fb/y\". Did you mean \"applications/a%2Fb/z\"?"s,
                             errorOf(listener("applications/a%2Fb/y", kTwo)));
        CPPUNIT_ASSERT_EQUAL("/listeners/*:80/pass: Request \"pass\" points to invalid location "
                             "\"applications/a%2Fb/zz\". Did you mean \"applications/a%2Fb/z\"?"s,
                             errorOf(listener("applications/a%2Fb/zz", kTwo)));
    }

    // Equal content is the same application, and its modules count alike.
    void thePlaceInTheTextDoesNotMatter()
    {
        const ConfigDocument one = parse(listener("applications/a%2Fb/z", kTwo));
        const ConfigDocument other =
            parse(listener("applications/a%2Fb/z", R"({"b":{"module":"n"},"z":{"module":"m"}})"));
        CPPUNIT_ASSERT_EQUAL(one.applications[0].key.str(), other.applications[0].key.str());
        CPPUNIT_ASSERT_EQUAL(one.applications[0].options, other.applications[0].options);
        CPPUNIT_ASSERT_EQUAL(
            R"({"targets":{"b":{"module":"n"},"z":{"module":"m"}},"type":"many"})"s,
            one.applications[0].options);
        CPPUNIT_ASSERT_EQUAL(one.listeners[0].targetIndex, other.listeners[0].targetIndex);
    }

    void asJsonSchema()
    {
        const std::string text = json::writeCompact(configurationSchema(catalog()));
        CPPUNIT_ASSERT(text.find(R"("oneOf":[{"required":["targets"],"properties":)"
                                 R"({"module":false,"callable":false}},)"
                                 R"({"required":["module"],"properties":{"targets":false}}])") !=
                       std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TargetsTest);

} // namespace
