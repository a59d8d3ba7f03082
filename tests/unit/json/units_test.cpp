// Times and sizes with units: which strings are taken, where, and what is said of the others.
#include "json/reader.hpp"
#include "json/schema.hpp"
#include "json/units.hpp"
#include "json/writer.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <regex>

using namespace patchbay;
using namespace patchbay::json;
using namespace std::string_literals;

namespace {

constexpr char kOptions[] = R"json({
  "type": "object",
  "properties": {
    "timeout": {"type": "integer", "x-unit": "seconds", "minimum": 1, "maximum": 3600},
    "size": {"type": "integer", "x-unit": "bytes"},
    "count": {"type": "integer"},
    "name": {"type": "string"},
    "mixed": {"type": ["integer", "object"], "x-unit": "seconds",
              "properties": {"idle": {"type": "integer", "x-unit": "seconds"}}},
    "steps": {"type": "array", "items": {"type": "integer", "x-unit": "seconds"}},
    "each": {"type": "object", "additionalProperties": {"type": "integer", "x-unit": "bytes"}},
    "things": {"type": "object", "additionalProperties": {"type": "object", "x-select": "thing"}}
  }
})json";

// Things whose name begins with "t" have a time; others are unknown, and that is a problem.
class ThingRules final : public Rules {
public:
    const Schema *select(std::string_view choice, std::string_view name, const Value &value,
                         Report &report) override
    {
        CPPUNIT_ASSERT_EQUAL("thing"s, std::string(choice));
        CPPUNIT_ASSERT(value.isObject());
        if (name.starts_with('t')) {
            return &thing_;
        }
        report.add("What is that?", value.offset());
        return nullptr;
    }
    void check(std::string_view, std::string_view, const Value &, Report &) override {}

private:
    Schema thing_{R"({"properties":{"wait":{"type":"integer","x-unit":"seconds"}}})"};
};

std::string show(std::string_view text, Quantity kind)
{
    const auto number = parseQuantity(text, kind);
    return number ? std::to_string(*number) : "-";
}

std::string converted(const std::string &text)
{
    const Schema schema(kOptions, Schema::Origin::core);
    ThingRules rules;
    Value root = read(text);
    convertUnits(root, schema, &rules);
    return writeCompact(root);
}

} // namespace

class UnitsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(UnitsTest);
    CPPUNIT_TEST(seconds);
    CPPUNIT_TEST(bytes);
    CPPUNIT_TEST(patterns);
    CPPUNIT_TEST(convertsWhereTheSchemaSays);
    CPPUNIT_TEST(keepsOffsets);
    CPPUNIT_TEST(boundsAreThoseOfTheNumber);
    CPPUNIT_TEST(examplesForWhatIsNoQuantity);
    CPPUNIT_TEST(badSchemas);
    CPPUNIT_TEST_SUITE_END();

public:
    void seconds()
    {
        const std::vector<std::pair<std::string, std::string>> table = {
            {"30s", "30"},
            {"5m", "300"},
            {"2h", "7200"},
            {"1d", "86400"},
            {"0s", "0"},
            {"007s", "7"},
            {"2000ms", "2"},
            {"0ms", "0"},
            {"99999999999999s", "99999999999999"},
            {"100000000000000s", "-"},
            {"99999999999999d", "-"},
            {"9223372036854775807s", "-"},
            {"9223372036854775000ms", "-"},
            {"99999999999999999999s", "-"},
        };
        for (const auto &[text, expected] : table) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, expected, show(text, Quantity::seconds));
        }
        for (const char *text :
             {"", "s", "30", "-30s", "+30s", " 30s", "30s ", "30 s", "1.5h", "500ms", "1500ms",
              "30S", "1w", "30ss", "1h30m", "8k", "x", "m5"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, "-"s, show(text, Quantity::seconds));
        }
        CPPUNIT_ASSERT_EQUAL("-"s, show("30s\0"s, Quantity::seconds));
    }

    void bytes()
    {
        const std::vector<std::pair<std::string, std::string>> table = {
            {"64k", "65536"},    {"8m", "8388608"},      {"1g", "1073741824"},  {"1K", "1024"},
            {"1M", "1048576"},   {"2G", "2147483648"},   {"1kb", "1024"},       {"1KB", "1024"},
            {"1kB", "1024"},     {"1mb", "1048576"},     {"1gb", "1073741824"}, {"1KiB", "1024"},
            {"1MiB", "1048576"}, {"1GiB", "1073741824"}, {"0g", "0"},
        };
        for (const auto &[text, expected] : table) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, expected, show(text, Quantity::bytes));
        }
        // As many digits as the reader takes, and one more byte than that.
        CPPUNIT_ASSERT_EQUAL("99999723552768"s, show("93132g", Quantity::bytes));
        CPPUNIT_ASSERT_EQUAL("-"s, show("93133g", Quantity::bytes));
        for (const char *text : {"", "k", "64", "-1k", "1.5g", "1t", "1b", "1i", "1ki", "1kibb",
                                 "1 k", "30s", "1kb ", "99999999999999999999k"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, "-"s, show(text, Quantity::bytes));
        }
    }

    // The published pattern says the same as the code.
    void patterns()
    {
        const std::vector<std::string> texts = {
            "30s", "5m",   "2h",  "1d",  "0ms", "00ms", "1000ms", "500ms", "1500ms",
            "30",  "s",    "64k", "8m",  "1g",  "1KB",  "1kib",   "1KiB",  "1ki",
            "1b",  "1.5g", "x",   "-1s", "",    "30S",  "1h1m",   "10mb",  "1M"};
        for (const Quantity kind : {Quantity::seconds, Quantity::bytes}) {
            const std::regex pattern{std::string(quantityPattern(kind))};
            for (const std::string &text : texts) {
                CPPUNIT_ASSERT_EQUAL_MESSAGE(text, parseQuantity(text, kind).has_value(),
                                             std::regex_match(text, pattern));
            }
            for (const std::string &text : quantityExamples(kind)) {
                CPPUNIT_ASSERT(parseQuantity(text, kind));
            }
        }
    }

    void convertsWhereTheSchemaSays()
    {
        CPPUNIT_ASSERT_EQUAL(
            R"({"timeout":300,"size":8388608,"count":"5m","name":"5m","other":"5m"})"s,
            converted(R"({"timeout":"5m","size":"8m","count":"5m","name":"5m","other":"5m"})"));
        CPPUNIT_ASSERT_EQUAL(R"({"mixed":60,"steps":[1,2.0,"x",3600],"each":{"a":1024,"b":7}})"s,
                             converted(R"({"mixed":"1m","steps":["1s",2.0,"x","1h"],)"
                                       R"("each":{"a":"1k","b":7}})"));
        CPPUNIT_ASSERT_EQUAL(R"({"mixed":{"idle":60}})"s, converted(R"({"mixed":{"idle":"1m"}})"));
        CPPUNIT_ASSERT_EQUAL(
            R"({"things":{"t":{"wait":5,"x":"5s"},"u":{"wait":"5s"},"v":"5s"}})"s,
            converted(R"({"things":{"t":{"wait":"5s","x":"5s"},"u":{"wait":"5s"},"v":"5s"}})"));
        // Of the wrong kind, with members that look right.
        CPPUNIT_ASSERT_EQUAL(R"({"timeout":{"timeout":"5s"},"steps":{"a":"5s"}})"s,
                             converted(R"({"timeout":{"timeout":"5s"},"steps":{"a":"5s"}})"));
        CPPUNIT_ASSERT_EQUAL("\"5s\""s, converted("\"5s\""));
    }

    void keepsOffsets()
    {
        const Schema schema(kOptions, Schema::Origin::core);
        Value root = read(R"({"timeout":"5m"})", {}, 100);
        ThingRules rules;
        convertUnits(root, schema, &rules);
        CPPUNIT_ASSERT(root.members()[0].value.isInteger());
        CPPUNIT_ASSERT_EQUAL(std::size_t{111}, root.members()[0].value.offset());
    }

    void boundsAreThoseOfTheNumber()
    {
        const Schema schema(kOptions, Schema::Origin::core);
        Value root = read(R"({"timeout":"2h"})");
        convertUnits(root, schema, nullptr);
        const std::vector<Problem> problems = schema.validate(root);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, problems.size());
        CPPUNIT_ASSERT_EQUAL("The \"timeout\" number must not exceed 3600."s, problems[0].detail);
        CPPUNIT_ASSERT(problems[0].known.empty());
    }

    void examplesForWhatIsNoQuantity()
    {
        const Schema schema(kOptions, Schema::Origin::core);
        Value root = read(R"({"timeout":"soon","size":"8q","steps":["x",null],"count":"5"})");
        convertUnits(root, schema, nullptr);
        const std::vector<Problem> problems = schema.validate(root);
        const std::vector<std::string> times{"30s", "5m", "2h", "1d"};
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, problems.size());
        CPPUNIT_ASSERT_EQUAL("The \"timeout\" value must be an integer number, but not a string."s,
                             problems[0].detail);
        CPPUNIT_ASSERT(problems[0].known == times);
        CPPUNIT_ASSERT(problems[1].known == (std::vector<std::string>{"64k", "8m", "1g"}));
        CPPUNIT_ASSERT_EQUAL("The \"steps\" array must contain only integer number values."s,
                             problems[2].detail);
        CPPUNIT_ASSERT(problems[2].known == times);
        CPPUNIT_ASSERT(problems[3].known.empty()); // null was not meant to be one
        CPPUNIT_ASSERT(problems[4].known.empty());
    }

    void badSchemas()
    {
        const auto fault = [](const std::string &text) {
            try {
                Schema schema(text);
            } catch (const Error &error) {
                return std::string(error.what());
            }
            return "loaded"s;
        };
        CPPUNIT_ASSERT_EQUAL("loaded"s, fault(R"({"x-unit":"bytes","type":"integer"})"));
        CPPUNIT_ASSERT_EQUAL("loaded"s, fault(R"({"type":"number","x-unit":"bytes"})"));
        CPPUNIT_ASSERT_EQUAL("schema at \"/x-unit\": must be \"seconds\" or \"bytes\""s,
                             fault(R"({"type":"integer","x-unit":"minutes"})"));
        CPPUNIT_ASSERT_EQUAL("schema at \"/x-unit\": must be a string"s,
                             fault(R"({"type":"integer","x-unit":1})"));
        CPPUNIT_ASSERT_EQUAL("schema at \"/properties/a\": \"x-unit\" is for integers"s,
                             fault(R"({"properties":{"a":{"type":"string","x-unit":"bytes"}}})"));
        CPPUNIT_ASSERT_EQUAL("schema at \"\": \"x-unit\" is for integers"s,
                             fault(R"({"x-unit":"bytes"})"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(UnitsTest);
