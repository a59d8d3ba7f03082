// Writers, pointers, places, and the nearest name.
#include "json/location.hpp"
#include "json/nearest.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

using namespace patchbay::json;
using namespace std::string_literals;

class TextTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TextTest);
    CPPUNIT_TEST(canonicalForm);
    CPPUNIT_TEST(prettyForm);
    CPPUNIT_TEST(prettyScalarsAndEmpties);
    CPPUNIT_TEST(builtValues);
    CPPUNIT_TEST(pointers);
    CPPUNIT_TEST(places);
    CPPUNIT_TEST(distances);
    CPPUNIT_TEST(nearestName);
    CPPUNIT_TEST_SUITE_END();

    static std::string canonical(const std::string &text) { return writeCanonical(read(text)); }

public:
    void canonicalForm()
    {
        CPPUNIT_ASSERT_EQUAL("{\"a\":[1,1,1,-2,0,0.5,0.5],\"b\":{\"x\":null,\"y\":true}}"s,
                             canonical("{ \"b\": {\"y\": true, \"x\": null}, \"a\": [1, 1.0, 1e0, "
                                       "-2.0, -0, 0.5, 5e-1] }"));
        // Order of array elements and kinds of values make a difference.
        CPPUNIT_ASSERT(canonical("[1,2]") != canonical("[2,1]"));
        CPPUNIT_ASSERT(canonical("[1]") != canonical("[\"1\"]"));
        CPPUNIT_ASSERT_EQUAL("1000000000000000000"s, canonical("1e18"));
        CPPUNIT_ASSERT_EQUAL("\"\\u0001\\u001F/é\""s, canonical("\"\\u0001\\u001f\\/\\u00e9\""));
    }

    // The shape of every answer of the control API, byte for byte.
    void prettyForm()
    {
        const std::string text =
            R"({"listeners":{"*:8080":{"pass":"routes/app","backlog":1e3}},"routes":{"app":[)"
            R"({"match":{"host":["a.example","!b.example"]},"action":{"return":200}},)"
            R"([[],[1.0]],{"action":{"return":302,"location":"/é"}}],"none":[],"last":{}},)"
            R"("applications":{},"settings":null})";
        const std::vector<std::string> lines = {
            "{",
            "\t\"listeners\": {",
            "\t\t\"*:8080\": {",
            "\t\t\t\"pass\": \"routes/app\",",
            "\t\t\t\"backlog\": 1e3",
            "\t\t}",
            "\t},",
            "",
            "\t\"routes\": {",
            "\t\t\"app\": [",
            "\t\t\t{",
            "\t\t\t\t\"match\": {",
            "\t\t\t\t\t\"host\": [",
            "\t\t\t\t\t\t\"a.example\",",
            "\t\t\t\t\t\t\"!b.example\"",
            "\t\t\t\t\t]",
            "\t\t\t\t},",
            "",
            "\t\t\t\t\"action\": {",
            "\t\t\t\t\t\"return\": 200",
            "\t\t\t\t}",
            "\t\t\t},",
            "\t\t\t[",
            "\t\t\t\t[],",
            "\t\t\t\t[",
            "\t\t\t\t\t1.0",
            "\t\t\t\t]",
            "\t\t\t],",
            "\t\t\t{",
            "\t\t\t\t\"action\": {",
            "\t\t\t\t\t\"return\": 302,",
            "\t\t\t\t\t\"location\": \"/é\"",
            "\t\t\t\t}",
            "\t\t\t}",
            "\t\t],",
            "",
            "\t\t\"none\": [],",
            "\t\t\"last\": {}",
            "\t},",
            "",
            "\t\"applications\": {},",
            "\t\"settings\": null",
            "}",
        };
        std::string expected;
        for (const std::string &line : lines) {
            expected += line + "\r\n";
        }
        CPPUNIT_ASSERT_EQUAL(expected, writePretty(read(text)));
        CPPUNIT_ASSERT_EQUAL(text, writeCompact(read(expected)));
    }

    void prettyScalarsAndEmpties()
    {
        const auto pretty = [](const std::string &text) { return writePretty(read(text)); };
        CPPUNIT_ASSERT_EQUAL("301\r\n"s, pretty("301"));
        CPPUNIT_ASSERT_EQUAL("1.0\r\n"s, pretty("1.0"));
        CPPUNIT_ASSERT_EQUAL("true\r\n"s, pretty("true"));
        CPPUNIT_ASSERT_EQUAL("null\r\n"s, pretty("null"));
        CPPUNIT_ASSERT_EQUAL("\"routes/app\"\r\n"s, pretty("\"routes\\/app\""));
        CPPUNIT_ASSERT_EQUAL("\"\\\"\\\\\\n\\r\\t\\b\\f\\u001F\\u0000\x7F\"\r\n"s,
                             pretty("\"\\\"\\\\\\n\\r\\t\\b\\f\\u001f\\u0000\x7F\""));
        CPPUNIT_ASSERT_EQUAL("{}\r\n"s, pretty("{ }"));
        CPPUNIT_ASSERT_EQUAL("[]\r\n"s, pretty("[ ]"));
        CPPUNIT_ASSERT_EQUAL("[\r\n\t\"/a*\",\r\n\t\"!/ab\"\r\n]\r\n"s,
                             pretty("[\"/a*\",\"!/ab\"]"));
        CPPUNIT_ASSERT_EQUAL("{\r\n\t\"error\": \"Value doesn't exist.\"\r\n}\r\n"s,
                             pretty("{\"error\":\"Value doesn't exist.\"}"));
        CPPUNIT_ASSERT_EQUAL("{\r\n\t\"a\\\"b\": 1,\r\n\t\"c\": 2\r\n}\r\n"s,
                             pretty("{\"a\\\"b\":1,\"c\":2}"));
    }

    void builtValues()
    {
        Value list = Value::array();
        list.append(Value::string("a\"b"));
        list.append(Value::boolean(false));
        Value object = Value::object();
        object.add("n", Value::integer(-5));
        object.add("l", std::move(list));
        object.add("x", Value());
        CPPUNIT_ASSERT_EQUAL("{\"n\":-5,\"l\":[\"a\\\"b\",false],\"x\":null}"s,
                             writeCompact(object));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-5}, object.find("n")->asInteger());
        CPPUNIT_ASSERT(object.find("m") == nullptr);
        CPPUNIT_ASSERT_EQUAL(""s, std::string(object.stringOf("n")));
    }

    void pointers()
    {
        std::string pointer;
        appendPointer(pointer, "listeners");
        appendPointer(pointer, "unix:/run/a~b");
        appendPointer(pointer, "");
        CPPUNIT_ASSERT_EQUAL("/listeners/unix:~1run~1a~0b/"s, pointer);
    }

    void places()
    {
        const std::string text = "\xEF\xBB\xBF"
                                 "a\r\nbé😀c\n";
        const auto at = [&](std::size_t offset) {
            const auto place = locate(text, offset);
            return place ? std::to_string(place->line) + ":" + std::to_string(place->column) : "-";
        };
        CPPUNIT_ASSERT_EQUAL("1:1"s, at(0));
        CPPUNIT_ASSERT_EQUAL("1:3"s, at(2));
        CPPUNIT_ASSERT_EQUAL("2:1"s, at(3));
        CPPUNIT_ASSERT_EQUAL("2:4"s, at(10));
        CPPUNIT_ASSERT_EQUAL("3:1"s, at(12));
        CPPUNIT_ASSERT_EQUAL("-"s, at(5)); // in the middle of a character
    }

    void distances()
    {
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, editDistance("pass", "pass", 2));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, editDistance("pas", "pass", 2));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, editDistance("psas", "pass", 2)); // neighbours
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, editDistance("apsas", "pass", 2));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, editDistance("", "ab", 2));
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, editDistance("abcdef", "uvwxyz", 2));
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, editDistance("abcdef", "defabc", 2));
        const std::string name(255, 'a');
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, editDistance(name + 'b', name, 2));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, editDistance("b" + name, name + 'c', 2));
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, editDistance("a", "abcdefgh", 2));
        CPPUNIT_ASSERT_EQUAL(std::size_t{3},
                             editDistance(std::string(300, 'a'), std::string(300, 'a'), 2));
    }

    void nearestName()
    {
        const std::vector<std::string> known{"pass", "application", "backlog", "tls"};
        CPPUNIT_ASSERT_EQUAL("pass"s, nearest("pas", known));
        CPPUNIT_ASSERT_EQUAL("application"s, nearest("aplicatoin", known));
        CPPUNIT_ASSERT_EQUAL("tls"s, nearest("tsl", known));
        CPPUNIT_ASSERT_EQUAL(""s, nearest("bcklg_", known)); // three edits
        CPPUNIT_ASSERT_EQUAL(""s, nearest("tx", known));     // as far as it is long
        CPPUNIT_ASSERT_EQUAL(""s, nearest("", known));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TextTest);
