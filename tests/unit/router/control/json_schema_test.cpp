// The published JSON Schema: well-formed, without keywords of our own, and true to what the core
// accepts.
#include "router/control/json_schema.hpp"

#include "base/error.hpp"
#include "patchbay/abi.h"
#include "json/reader.hpp"
#include "json/writer.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <regex>
#include <set>

using namespace patchbay;
using namespace patchbay::control;
using namespace std::string_literals;
using json::Value;

namespace {

constexpr char kTcp[] = R"json({"type":"object","properties":{
  "backlog":{"type":"integer","minimum":-1,"maximum":2147483647,"default":-1,
             "description":"Connections that may wait."},
  "quick":{"x-unbuilt":true}}})json";
constexpr char kUnix[] = R"json({"$schema":"x","type":"object","description":"A socket file.",
  "properties":{"mode":{"type":"string"}}})json";
constexpr char kPython[] = R"json({"$id":"x","type":"object","required":["module"],"properties":{
  "module":{"type":"string","description":"What to import."},
  "path":{"type":["string","array"],"items":{"type":"string"}},
  "protocol":{"type":"string","enum":["wsgi","asgi"],"x-unbuilt":["asgi"]},
  "prefix":{"type":"string","x-begins":"/"},
  "patience":{"type":"integer","x-unit":"seconds","minimum":1,"default":5,"description":"Wait."},
  "targets":{"x-unbuilt":true}}})json";
constexpr char kOldPython[] = R"json({"type":"object","properties":{
  "module":{"type":"string"}}})json";

modules::ModuleInfo moduleOf(std::string id, std::uint32_t kind, std::string version,
                             std::string schema)
{
    return {id, kind, std::move(version), "/modules/" + id + ".so", std::move(schema)};
}

modules::Catalog catalogOfTest()
{
    modules::Catalog catalog;
    catalog.modules = {
        moduleOf("encoder.php", PB_KIND_ENCODER, "1", "{}"),
        moduleOf("encoder.python", PB_KIND_ENCODER, "1", "{}"),
        moduleOf("listener.tcp", PB_KIND_LISTENER, "1", kTcp),
        moduleOf("listener.unix", PB_KIND_LISTENER, "1", kUnix),
        moduleOf("listener.unix", PB_KIND_LISTENER, "2", kTcp), // the second one is not used
        moduleOf("runtime.lonely", PB_KIND_RUNTIME, "1", "{}"), // no encoder
        moduleOf("runtime.php", PB_KIND_RUNTIME, "8.2", "{}"),
        moduleOf("runtime.python", PB_KIND_RUNTIME, "3.11.2", kPython),
        moduleOf("runtime.python", PB_KIND_RUNTIME, "3.11.3", kPython),
        moduleOf("runtime.python", PB_KIND_RUNTIME, "3.9", kOldPython),
    };
    return catalog;
}

const Value &at(const Value &value, std::initializer_list<std::string_view> path)
{
    const Value *found = &value;
    for (const std::string_view name : path) {
        found = found->isArray() ? &found->items()[static_cast<std::size_t>(name[0] - '0')]
                                 : found->find(name);
        CPPUNIT_ASSERT_MESSAGE(std::string(name), found != nullptr);
    }
    return *found;
}

// Walks a schema as a validator would: names of properties are no keywords.
void checkSchema(const Value &schema, const std::string &place);

void checkType(const Value &type, const std::string &place)
{
    const std::set<std::string> known{"null",   "boolean", "integer", "number",
                                      "string", "array",   "object"};
    if (type.isArray()) {
        CPPUNIT_ASSERT_MESSAGE(place, !type.items().empty());
        for (const Value &item : type.items()) {
            CPPUNIT_ASSERT_MESSAGE(place, known.contains(item.text()));
        }
    } else {
        CPPUNIT_ASSERT_MESSAGE(place, known.contains(type.text()));
    }
}

void checkKeyword(const json::Member &member, const std::string &place)
{
    const std::string &name = member.name;
    const Value &value = member.value;
    if (name == "type") {
        checkType(value, place);
    } else if (name == "properties" || name == "patternProperties") {
        for (const json::Member &property : value.members()) {
            if (name == "patternProperties") {
                std::regex{property.name};
            }
            checkSchema(property.value, place + "/" + property.name);
        }
    } else if (name == "anyOf" || name == "allOf") {
        CPPUNIT_ASSERT_MESSAGE(place, !value.items().empty());
        for (const Value &item : value.items()) {
            checkSchema(item, place);
        }
    } else if (name == "additionalProperties" || name == "items" || name == "if" ||
               name == "then") {
        checkSchema(value, place);
    } else if (name == "required" || name == "enum" || name == "examples") {
        CPPUNIT_ASSERT_MESSAGE(place, value.isArray() && !value.items().empty());
    } else if (name == "pattern") {
        std::regex{value.text()};
    } else {
        const std::set<std::string> others{"minimum",     "maximum", "default",
                                           "description", "title",   "$schema"};
        CPPUNIT_ASSERT_MESSAGE(place, others.contains(name));
    }
}

void checkSchema(const Value &schema, const std::string &place)
{
    if (schema.kind() == json::Kind::boolean) {
        return;
    }
    CPPUNIT_ASSERT_MESSAGE(place, schema.isObject());
    std::set<std::string> seen;
    for (const json::Member &member : schema.members()) {
        const std::string inner = place + "/" + member.name;
        CPPUNIT_ASSERT_MESSAGE(inner, seen.insert(member.name).second);
        CPPUNIT_ASSERT_MESSAGE(inner, member.name != "$schema" || place.empty());
        checkKeyword(member, inner);
    }
}

std::string namesOf(const Value &object)
{
    std::string names;
    for (const json::Member &member : object.members()) {
        names += (names.empty() ? "" : " ") + member.name;
    }
    return names;
}

} // namespace

class JsonSchemaTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(JsonSchemaTest);
    CPPUNIT_TEST(isWellFormed);
    CPPUNIT_TEST(root);
    CPPUNIT_TEST(unitsMayBeWritten);
    CPPUNIT_TEST(beginningIsAPattern);
    CPPUNIT_TEST(listenersByScheme);
    CPPUNIT_TEST(applicationsByLanguage);
    CPPUNIT_TEST(programsTakeNoVersion);
    CPPUNIT_TEST(whatIsNotBuiltIsLeftOut);
    CPPUNIT_TEST(withoutModules);
    CPPUNIT_TEST(brokenModules);
    CPPUNIT_TEST_SUITE_END();

    const Value schema_ = configurationSchema(catalogOfTest());

    const Value &python() const
    {
        return at(schema_, {"properties", "applications", "additionalProperties", "allOf", "1",
                            "then", "anyOf", "0", "properties"});
    }

public:
    void isWellFormed()
    {
        const std::string text = json::writePretty(schema_);
        checkSchema(json::read(text), "");
        CPPUNIT_ASSERT_EQUAL(json::writeCompact(schema_), json::writeCompact(json::read(text)));
        CPPUNIT_ASSERT(text.find("\"x-") == std::string::npos);
    }

    void root()
    {
        CPPUNIT_ASSERT_EQUAL("https://json-schema.org/draft/2020-12/schema"s,
                             schema_.members()[0].value.text());
        CPPUNIT_ASSERT_EQUAL("title"s, schema_.members()[1].name);
        CPPUNIT_ASSERT_EQUAL("listeners applications sinks settings routes"s,
                             namesOf(at(schema_, {"properties"})));
        CPPUNIT_ASSERT_EQUAL("listen_threads http control drain_timeout"s,
                             namesOf(at(schema_, {"properties", "settings", "properties"})));
        CPPUNIT_ASSERT(!at(schema_, {"additionalProperties"}).asBool());
        CPPUNIT_ASSERT_EQUAL(
            R"(["refuse","allow"])"s,
            json::writeCompact(at(schema_, {"properties", "settings", "properties", "control",
                                            "properties", "edits", "enum"})));
    }

    void unitsMayBeWritten()
    {
        const Value &option = at(python(), {"patience"});
        CPPUNIT_ASSERT_EQUAL("default description anyOf"s, namesOf(option));
        CPPUNIT_ASSERT_EQUAL(R"({"type":"integer","minimum":1})"s,
                             json::writeCompact(at(option, {"anyOf", "0"})));
        CPPUNIT_ASSERT_EQUAL("string"s, at(option, {"anyOf", "1", "type"}).text());
        const std::regex pattern(at(option, {"anyOf", "1", "pattern"}).text());
        for (const char *text : {"30s", "1d", "${env:PATIENCE}", "${file:/run/patience}"}) {
            CPPUNIT_ASSERT_MESSAGE(text, std::regex_search(text, pattern));
        }
        for (const char *text : {"30", "8m8", "soon", "$${", "30sx"}) {
            CPPUNIT_ASSERT_MESSAGE(text, !std::regex_search(text, pattern));
        }
    }

    void beginningIsAPattern()
    {
        const Value &option = at(python(), {"prefix"});
        CPPUNIT_ASSERT_EQUAL("type pattern"s, namesOf(option));
        const std::regex pattern(at(option, {"pattern"}).text());
        for (const char *text : {"/", "/app", "${env:PREFIX}"}) {
            CPPUNIT_ASSERT_MESSAGE(text, std::regex_search(text, pattern));
        }
        for (const char *text : {"", "app/"}) {
            CPPUNIT_ASSERT_MESSAGE(text, !std::regex_search(text, pattern));
        }
    }

    void listenersByScheme()
    {
        const Value &listeners = at(schema_, {"properties", "listeners"});
        CPPUNIT_ASSERT_EQUAL("type description patternProperties additionalProperties"s,
                             namesOf(listeners));
        CPPUNIT_ASSERT_EQUAL("pass application mode"s,
                             namesOf(at(listeners, {"patternProperties", "^unix:", "properties"})));
        CPPUNIT_ASSERT_EQUAL("A socket file."s,
                             at(listeners, {"patternProperties", "^unix:", "description"}).text());
        const Value &tcp = at(listeners, {"additionalProperties"});
        CPPUNIT_ASSERT_EQUAL("pass application backlog"s, namesOf(at(tcp, {"properties"})));
        CPPUNIT_ASSERT_EQUAL("-1"s, at(tcp, {"properties", "backlog", "default"}).text());
        CPPUNIT_ASSERT(tcp.find("required") == nullptr);
        CPPUNIT_ASSERT(!at(tcp, {"additionalProperties"}).asBool());
    }

    void applicationsByLanguage()
    {
        const Value &application =
            at(schema_, {"properties", "applications", "additionalProperties"});
        CPPUNIT_ASSERT_EQUAL(R"(["type"])"s, json::writeCompact(at(application, {"required"})));
        CPPUNIT_ASSERT_EQUAL("^(php|python)( |[0-9]|$)|\\$\\{(env|file):"s,
                             at(application, {"properties", "type", "pattern"}).text());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, at(application, {"allOf"}).items().size());
        const Value &php = at(application, {"allOf", "0"});
        CPPUNIT_ASSERT_EQUAL("type processes limits user group working_directory environment "
                             "stdout stderr isolation"s,
                             namesOf(at(php, {"then", "properties"})));
        // Two versions that differ; the third one is like the first.
        const Value &both = at(application, {"allOf", "1", "then", "anyOf"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, both.items().size());
        CPPUNIT_ASSERT_EQUAL(R"(["module"])"s, json::writeCompact(at(both, {"0", "required"})));
        CPPUNIT_ASSERT(at(both, {"1"}).find("required") == nullptr);
        CPPUNIT_ASSERT_EQUAL("What to import."s, at(python(), {"module", "description"}).text());

        const std::regex pattern(
            at(application, {"allOf", "1", "if", "properties", "type", "pattern"}).text());
        for (const char *text : {"python", "python 3", "python3.11"}) {
            CPPUNIT_ASSERT_MESSAGE(text, std::regex_search(text, pattern));
        }
        for (const char *text : {"pythonic", "php", "cpython", ""}) {
            CPPUNIT_ASSERT_MESSAGE(text, !std::regex_search(text, pattern));
        }
    }

    void programsTakeNoVersion()
    {
        modules::Catalog catalog = catalogOfTest();
        for (const char *id : {"encoder.go", "runtime.go"}) {
            catalog.modules.push_back(moduleOf(id, PB_KIND_RUNTIME, "1", "{}"));
        }
        catalog.modules[catalog.modules.size() - 2].kind = PB_KIND_ENCODER;
        catalog.modules.back().program = true;
        const Value schema = configurationSchema(catalog);
        const std::regex pattern(at(schema, {"properties", "applications", "additionalProperties",
                                             "properties", "type", "pattern"})
                                     .text());
        for (const char *text : {"go", "go ", "python 3", "python3.11", "${env:TYPE}"}) {
            CPPUNIT_ASSERT_MESSAGE(text, std::regex_search(text, pattern));
        }
        for (const char *text : {"go 1.2", "go1", "gopher", "perl"}) {
            CPPUNIT_ASSERT_MESSAGE(text, !std::regex_search(text, pattern));
            CPPUNIT_ASSERT_MESSAGE(text, catalog.findRuntime(text) == nullptr);
        }
    }

    void whatIsNotBuiltIsLeftOut()
    {
        CPPUNIT_ASSERT(python().find("targets") == nullptr);
        CPPUNIT_ASSERT_EQUAL(R"(["wsgi"])"s,
                             json::writeCompact(at(python(), {"protocol", "enum"})));
    }

    void withoutModules()
    {
        const Value schema = configurationSchema({});
        checkSchema(schema, "");
        for (const char *name : {"listeners", "applications"}) {
            CPPUNIT_ASSERT(!at(schema, {"properties", name, "additionalProperties"}).asBool());
        }
    }

    void brokenModules()
    {
        modules::Catalog catalog = catalogOfTest();
        catalog.modules[2].schema = R"({"type":"object","properties":{"pass":{"type":"string"}}})";
        try {
            configurationSchema(catalog);
            CPPUNIT_FAIL("\"pass\" is declared twice");
        } catch (const Error &error) {
            CPPUNIT_ASSERT_EQUAL("module \"/modules/listener.tcp.so\": schema: the option "
                                 "\"pass\" is declared twice"s,
                                 std::string(error.what()));
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(JsonSchemaTest);
