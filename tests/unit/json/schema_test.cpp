// Schemas: what loads, what a document gets told, in which order.
#include "json/reader.hpp"
#include "json/schema.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

using namespace patchbay;
using namespace patchbay::json;
using namespace std::string_literals;

namespace {

constexpr char kOptions[] = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "test", "description": "test",
  "type": "object",
  "required": ["module"],
  "additionalProperties": false,
  "properties": {
    "module": {"type": "string", "default": "wsgi"},
    "path": {"type": ["string", "array"], "items": {"type": "string"}},
    "threads": {"type": "integer", "minimum": 1, "maximum": 2147483647},
    "backlog": {"type": "integer", "minimum": -1},
    "timeout": {"type": "integer", "minimum": 0, "maximum": 10},
    "ratio": {"type": "number", "minimum": 0, "maximum": 1},
    "factory": {"type": "boolean"},
    "either": {"type": ["object", "boolean", "string"]},
    "protocol": {"type": "string", "enum": ["wsgi", "asgi"], "x-unbuilt": ["asgi"]},
    "many": {"type": "string", "enum": ["a", "b", "c"]},
    "one": {"type": "string", "enum": ["a"]},
    "prefix": {"type": "string", "x-begins": "/"},
    "targets": {"x-unbuilt": true},
    "limits": {
      "type": "object", "required": ["soft", "hard"], "additionalProperties": false,
      "properties": {"soft": {"type": "integer"}, "hard": {"type": "integer"}}
    },
    "variables": {"type": "object", "additionalProperties": {"type": "string"}},
    "ini": {"type": "object", "x-called": "PHP option", "additionalProperties": {"type": "string"}},
    "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "null"}}}},
    "free": {}
  }
})json";

// "POINTER@OFFSET DETAIL" of each problem, one per line.
std::string problemsOf(const Schema &schema, const std::string &document)
{
    std::string out;
    for (const Problem &problem : schema.validate(read(document))) {
        out += problem.pointer + "@" + std::to_string(problem.offset) + " " + problem.detail + "\n";
    }
    return out;
}

std::string loadError(const std::string &text)
{
    try {
        Schema schema(text);
    } catch (const Error &error) {
        return error.what();
    }
    return "loaded";
}

} // namespace

class SchemaTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SchemaTest);
    CPPUNIT_TEST(texts);
    CPPUNIT_TEST(root);
    CPPUNIT_TEST(order);
    CPPUNIT_TEST(details);
    CPPUNIT_TEST(atMostEleven);
    CPPUNIT_TEST(badSchemas);
    CPPUNIT_TEST(merging);
    CPPUNIT_TEST_SUITE_END();

public:
    void texts()
    {
        const Schema schema(kOptions);
        // Member put behind {"module":"m", and what is said about it.
        const std::vector<std::pair<std::string, std::string>> table = {
            {R"("free":[{"a":{}}])", ""},
            {R"("threads":10.0)", ""},
            {R"("threads":1e1)", ""},
            {R"("ratio":1)", ""},
            {R"("ratio":0.5)", ""},
            {R"("path":["a","b"])", ""},
            {R"("variables":{"a":"b","c":""})", ""},
            {R"("protocol":"wsgi")", ""},
            {R"("threads":"1")",
             "/threads@24 The \"threads\" value must be an integer number, but not a string.\n"},
            {R"("threads":1.5)", "/threads@24 The \"threads\" value must be an integer number, but "
                                 "not a fractional number.\n"},
            {R"("factory":null)",
             "/factory@24 The \"factory\" value must be a boolean, but not a null.\n"},
            {R"("path":1)", "/path@21 The \"path\" value must be either a string or an array, but "
                            "not an integer number.\n"},
            {R"("either":[])", "/either@23 The \"either\" value must be either a boolean, a "
                               "string, or an object, but not an array.\n"},
            {R"("ratio":"x")", "/ratio@22 The \"ratio\" value must be either an integer number or "
                               "a fractional number, but not a string.\n"},
            {R"("path":["a",1])",
             "/path/1@26 The \"path\" array must contain only string values.\n"},
            {R"("list":[{},[]])",
             "/list/1@25 The \"list\" array must contain only object values.\n"},
            {R"("list":[{"x":1}])",
             "/list/0/x@27 The \"x\" value must be a null, but not an integer number.\n"},
            {R"("threads":0)",
             "/threads@24 The \"threads\" number must be equal to or greater than 1.\n"},
            {R"("threads":2147483648)",
             "/threads@24 The \"threads\" number must not exceed 2147483647.\n"},
            {R"("backlog":-2)",
             "/backlog@24 The \"backlog\" number must be equal to or greater than -1.\n"},
            {R"("timeout":-1)", "/timeout@24 The \"timeout\" number must not be negative.\n"},
            {R"("timeout":11)", "/timeout@24 The \"timeout\" number must not exceed 10.\n"},
            {R"("ratio":1.5)", "/ratio@22 The \"ratio\" number must not exceed 1.\n"},
            {R"("protocol":"fcgi")",
             "/protocol@25 The \"protocol\" can either be \"wsgi\" or \"asgi\".\n"},
            {R"("protocol":"asgi")", "/protocol@25 Patchbay is built without support of the value "
                                     "\"asgi\" of the \"protocol\" option.\n"},
            {R"("many":"d")", "/many@21 The \"many\" can either be \"a\", \"b\", or \"c\".\n"},
            {R"("one":"b")", "/one@20 The \"one\" can only be \"a\".\n"},
            {R"("ini":{"a":1})", "/ini/a@25 The \"a\" PHP option must be a string.\n"},
            {R"("ini":{"":"1"})", "/ini/@21 The PHP option name must not be empty.\n"},
            {R"("prefix":"")",
             "/prefix@23 The \"prefix\" must be a string beginning with \"/\".\n"},
            {R"("prefix":"app/")",
             "/prefix@23 The \"prefix\" must be a string beginning with \"/\".\n"},
            {R"("prefix":1)",
             "/prefix@23 The \"prefix\" value must be a string, but not an integer number.\n"},
            {R"("targets":{})",
             "/targets@14 Patchbay is built without the \"targets\" option support.\n"},
            {R"("thread":1)", "/thread@14 Unknown parameter \"thread\".\n"},
            {R"("limits":{"soft":1})", "/limits@23 Required parameter \"hard\" is missing.\n"},
            {R"("variables":{"a":1})",
             "/variables/a@31 The \"a\" value must be a string, but not an integer number.\n"},
            {R"("path":"a\u0000b")",
             "/path@21 The \"path\" value must not contain null character.\n"},
            {R"("path":["\u0000"])",
             "/path/0@22 The \"path\" array must not contain strings with null character.\n"},
        };
        for (const auto &[member, expected] : table) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(member, expected,
                                         problemsOf(schema, "{\"module\":\"m\"," + member + "}"));
        }
    }

    void root()
    {
        const Schema schema(kOptions);
        CPPUNIT_ASSERT_EQUAL("@0 The configuration must be an object, but not a string.\n"s,
                             problemsOf(schema, "\"x\""));
        CPPUNIT_ASSERT_EQUAL("@2 Required parameter \"module\" is missing.\n"s,
                             problemsOf(schema, "  {}"));
    }

    // Required members first, then document order, depth first.
    void order()
    {
        const Schema schema(kOptions);
        CPPUNIT_ASSERT_EQUAL("@0 Required parameter \"module\" is missing.\n"
                             "/x@1 Unknown parameter \"x\".\n"
                             "/limits@16 Required parameter \"hard\" is missing.\n"
                             "/limits/y@17 Unknown parameter \"y\".\n"
                             "/limits/soft@30 The \"soft\" value must be an integer number, but "
                             "not a null.\n"
                             "/factory@46 The \"factory\" value must be a boolean, but not an "
                             "object.\n"s,
                             problemsOf(schema, R"({"x":1,"limits":{"y":1,"soft":null},)"
                                                R"("factory":{"z":1}})"));
    }

    void details()
    {
        const Schema schema(kOptions);
        std::vector<Problem> problems =
            schema.validate(read(R"({"modul":"m","timeout":11,"protocol":"wsg","backlog":-5})"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, problems.size());
        CPPUNIT_ASSERT_EQUAL("module"s, problems[1].suggestion);
        // Not built options are not offered.
        CPPUNIT_ASSERT_EQUAL(std::size_t{17}, problems[1].known.size());
        CPPUNIT_ASSERT_EQUAL("module"s, problems[1].known[0]);
        CPPUNIT_ASSERT_EQUAL("{\"minimum\":0,\"maximum\":10}"s, problems[2].allowed);
        CPPUNIT_ASSERT_EQUAL("[\"wsgi\",\"asgi\"]"s, problems[3].allowed);
        CPPUNIT_ASSERT_EQUAL("wsgi"s, problems[3].suggestion);
        CPPUNIT_ASSERT_EQUAL("{\"minimum\":-1}"s, problems[4].allowed);
    }

    void atMostEleven()
    {
        std::string document = "{\"module\":\"m\",\"list\":[1,2,3,4,5,6,7,8,9,10,11,12,13]}";
        const Schema schema(kOptions);
        CPPUNIT_ASSERT_EQUAL(kMaxProblems, schema.validate(read(document)).size());
        document = "{";
        for (int i = 0; i < 1000; ++i) {
            document += "\"u" + std::to_string(i) + "\":0,";
        }
        CPPUNIT_ASSERT_EQUAL(kMaxProblems, schema.validate(read(document + "}")).size());
    }

    void badSchemas()
    {
        const std::vector<std::pair<std::string, std::string>> table = {
            {kOptions, "loaded"},
            {R"({"type":"object"})", "loaded"},
            {R"({"typ":"object"})", "schema at \"/typ\": unknown keyword"},
            {R"({"properties":{"a":{"tpye":"string"}}})",
             "schema at \"/properties/a/tpye\": unknown keyword"},
            {R"({"x-select":"listener"})", "schema at \"/x-select\": unknown keyword"},
            {R"({"type":"text"})", "schema at \"/type\": unknown type \"text\""},
            {R"({"type":1})", "schema at \"/type\": must be an array of strings"},
            {R"({"properties":[]})", "schema at \"/properties\": must be an object"},
            {R"({"items":"x"})", "schema at \"/items\": must be an object"},
            {R"({"minimum":"1"})", "schema at \"/minimum\": must be a number"},
            {R"({"x-called":1})", "schema at \"/x-called\": must be a string"},
            {R"({"x-begins":""})", "schema at \"/x-begins\": must consist of letters, digits, "
                                   "\"/\", \"-\" and \"_\""},
            {R"({"x-begins":"^"})", "schema at \"/x-begins\": must consist of letters, digits, "
                                    "\"/\", \"-\" and \"_\""},
            {R"({"required":["a"]})",
             "schema at \"\": the required \"a\" is not among the properties"},
            {R"([])", "schema at \"\": must be an object"},
            {R"({"enum":[1]})", "schema at \"/enum\": must be an array of strings"},
            {"{", "schema at offset 1: Unexpected end of JSON payload.  There's an object without "
                  "a closing brace (})."},
        };
        for (const auto &[text, expected] : table) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, expected, loadError(text));
        }
    }

    void merging()
    {
        const Schema core(R"({"type":"object","properties":{"type":{"type":"string"}}})");
        const Schema module(
            R"({"type":"object","required":["root"],"properties":{"root":{"type":"string"}}})");
        const Schema both = core.merged(module);
        CPPUNIT_ASSERT(both.declares("type") && both.declares("root") && !core.declares("root"));
        CPPUNIT_ASSERT_EQUAL(""s, problemsOf(both, R"({"root":"/","type":"php"})"));
        CPPUNIT_ASSERT_EQUAL("@0 Required parameter \"root\" is missing.\n"
                             "/rot@1 Unknown parameter \"rot\".\n"s,
                             problemsOf(both, R"({"rot":"/"})"));
        CPPUNIT_ASSERT_THROW(core.merged(core), Error);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SchemaTest);
