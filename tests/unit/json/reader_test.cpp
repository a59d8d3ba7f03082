// The JSON reader: what it takes, and each error of control-api.md 3.3 with its place.
#include "json/location.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <random>

using namespace patchbay::json;
using namespace std::string_literals;

namespace {

const std::string kForms = "It must be either a literal (null, true, or false), a number, a string "
                           "(in double quotes \"\"), an array (with brackets []), or an object "
                           "(with braces {}).";
const std::string kValue = "A valid JSON value is expected here.  " + kForms;
const std::string kEmpty = "An empty JSON payload isn't allowed.  " + kForms;
const std::string kEnd = "Unexpected end of JSON payload.  ";
const std::string kObjectEnd = kEnd + "There's an object without a closing brace (}).";
const std::string kMemberEnd = kEnd + "There's an object member without a value.";
const std::string kArrayEnd = kEnd + "There's an array without a closing bracket (]).";
const std::string kStringEnd = kEnd + "There's a string without a final double quote (\").";
const std::string kName =
    "A double quote (\") is expected here.  There must be a valid JSON object member starts with a "
    "name, which is a string enclosed in double quotes.";
const std::string kColon =
    "A colon (:) is expected here.  There must be a colon after a JSON member name.";
const std::string kObjectGoesOn =
    "Either a closing brace (}) or a comma (,) is expected here.  Each JSON object must be "
    "enclosed in braces and its members must be separated by commas.";
const std::string kArrayGoesOn =
    "Either a closing bracket (]) or a comma (,) is expected here.  Each array must be enclosed in "
    "brackets and its members must be separated by commas.";
const std::string kTrailing = "Unexpected character after the end of a valid JSON value.";
const std::string kDuplicate =
    "Duplicate object member.  All JSON object members must have unique names.";
const std::string kControl =
    "Unexpected character.  All control characters in a JSON string must be escaped.";
const std::string kBackslash = "Unexpected backslash.  A literal backslash in a JSON string must "
                               "be escaped with a second backslash (\\\\).";
const std::string kHex =
    "Invalid escape sequence.  An escape sequence in a JSON string must start with a backslash, "
    "followed by the lowercase letter u, followed by four hexadecimal digits (\\uXXXX).";
const std::string kLone = "Invalid JSON encoding sequence.  This 6-byte sequence does not "
                          "represent a valid UTF character.";
const std::string kPair = "Invalid JSON encoding sequence.  This 12-byte sequence composes an "
                          "illegal UTF-16 surrogate pair.";
const std::string kUtf8 =
    "Invalid JSON encoding sequence.  The byte here is not part of a valid UTF-8 character.";
const std::string kInvalid = "The number is invalid.  ";
const std::string kFraction =
    kInvalid + "A fraction part in JSON numbers must contain at least one digit.";
const std::string kZeros = kInvalid + "Leading zeros are not allowed in JSON numbers.";
const std::string kExponent =
    kInvalid + "An exponent part in JSON numbers must contain at least one digit.";
const std::string kLong =
    "The number is too long.  Such a long JSON number value is not supported.";
const std::string kRange =
    "The number is out of representable range.  Such JSON number value is not supported.";

struct Refused {
    std::string text;
    std::size_t offset, line, column;
    std::string detail;
};

// "OFFSET LINE:COLUMN DETAIL" of the error in text, or "accepted".
std::string errorOf(const std::string &text, const ReadLimits &limits = {})
{
    try {
        read(text, limits);
    } catch (const ReadError &error) {
        const auto place = locate(text, error.offset());
        return std::to_string(error.offset()) + " " +
               (place ? std::to_string(place->line) + ":" + std::to_string(place->column) : "-") +
               " " + error.what();
    }
    return "accepted";
}

std::string rewritten(const std::string &text)
{
    return writeCompact(read(text));
}

} // namespace

class ReaderTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReaderTest);
    CPPUNIT_TEST(refusesWithTextAndPlace);
    CPPUNIT_TEST(takes);
    CPPUNIT_TEST(kinds);
    CPPUNIT_TEST(keepsPlaces);
    CPPUNIT_TEST(addsBaseToPlaces);
    CPPUNIT_TEST(findsDuplicatesInLargeObjects);
    CPPUNIT_TEST(bounds);
    CPPUNIT_TEST(everyCutIsRefused);
    CPPUNIT_TEST(everyChangedByteEndsSomehow);
    CPPUNIT_TEST_SUITE_END();

public:
    void refusesWithTextAndPlace()
    {
        const std::vector<Refused> table = {
            // the two examples with their bytes
            {"{\"a\":1,}x", 8, 1, 9, kTrailing},
            {"{\n  \"listeners\": {\"*:8300\": {\"pass\": }}\n}", 37, 2, 36, kValue},
            {"", 0, 1, 1, kEmpty},
            {" \n\t", 0, 1, 1, kEmpty},
            {"// nothing\n/* at all */", 0, 1, 1, kEmpty},
            {"nul", 0, 1, 1, kValue},
            {"True", 0, 1, 1, kValue},
            {"[1, x]", 4, 1, 5, kValue},
            {"[,]", 1, 1, 2, kValue},
            {"[1,,]", 3, 1, 4, kValue},
            {"-", 0, 1, 1, kValue},
            {"[-a]", 1, 1, 2, kValue},
            {"+1", 0, 1, 1, kValue},
            {".5", 0, 1, 1, kValue},
            {"'a'", 0, 1, 1, kValue},
            {"NaN", 0, 1, 1, kValue},
            {"\0"s, 0, 1, 1, kValue},
            {"{} {}", 3, 1, 4, kTrailing},
            {"truex", 4, 1, 5, kTrailing},
            {"1 // no line break", 2, 1, 3, kTrailing},
            {"1 /* open", 2, 1, 3, kTrailing},
            {"1 /* nul \0 */"s, 2, 1, 3, kTrailing},
            {"1 /", 2, 1, 3, kTrailing},
            {"1\0"s, 1, 1, 2, kTrailing},
            {"{", 1, 1, 2, kObjectEnd},
            {"{\n", 2, 2, 1, kObjectEnd},
            {"{\"a\":1", 6, 1, 7, kObjectEnd},
            {"{\"a\":1,", 7, 1, 8, kObjectEnd},
            {"{\"a\":{}", 7, 1, 8, kObjectEnd},
            {"{\"a\"", 4, 1, 5, kMemberEnd},
            {"{\"a\" ", 5, 1, 6, kMemberEnd},
            {"{\"a\":", 5, 1, 6, kMemberEnd},
            {"{\"a\": /* x */ ", 14, 1, 15, kMemberEnd},
            {"[", 1, 1, 2, kArrayEnd},
            {"[1", 2, 1, 3, kArrayEnd},
            {"[1,", 3, 1, 4, kArrayEnd},
            {"[[]", 3, 1, 4, kArrayEnd},
            {"\"abc", 4, 1, 5, kStringEnd},
            {"\"abc\\", 5, 1, 6, kStringEnd},
            {"\"abc\\u12", 8, 1, 9, kStringEnd},
            {"\"abc\\\"", 6, 1, 7, kStringEnd},
            {"\"\\uD800", 7, 1, 8, kStringEnd},
            {"{\"a", 3, 1, 4, kStringEnd},
            {"{a:1}", 1, 1, 2, kName},
            {"{,}", 1, 1, 2, kName},
            {"{\"a\":1,,}", 7, 1, 8, kName},
            {"{1:1}", 1, 1, 2, kName},
            {"{]", 1, 1, 2, kName},
            {"{// x", 1, 1, 2, kName},
            {"{\"a\" 1}", 5, 1, 6, kColon},
            {"{\"a\"}", 4, 1, 5, kColon},
            {"{\"a\"/b", 4, 1, 5, kColon},
            {"{\"a\":}", 5, 1, 6, kValue},
            {"{\"a\":1 \"b\":2}", 7, 1, 8, kObjectGoesOn},
            {"{\"a\":1]", 6, 1, 7, kObjectGoesOn},
            {"{\"a\":1 // x", 7, 1, 8, kObjectGoesOn},
            {"[1 2]", 3, 1, 4, kArrayGoesOn},
            {"[1}", 2, 1, 3, kArrayGoesOn},
            {"[1.5.5]", 4, 1, 5, kArrayGoesOn},
            {"[0x10]", 2, 1, 3, kArrayGoesOn},
            {"{\"a\":1, \"a\":2}", 8, 1, 9, kDuplicate},
            {"{\"a\":1, \"\\u0061\":2}", 8, 1, 9, kDuplicate},
            {"{\"a\\\"\":1,\n\"a\\\"\":2}", 10, 2, 1, kDuplicate},
            {"{\"x\":{\"a\":[],\"b\":0,\"a\":{}}}", 19, 1, 20, kDuplicate},
            {"\"a\nb\"", 2, 1, 3, kControl},
            {"\"a\tb\"", 2, 1, 3, kControl},
            {"\"a\0b\""s, 2, 1, 3, kControl},
            {"{\"a\x1f\":1}", 3, 1, 4, kControl},
            {"\"a\\xb\"", 2, 1, 3, kBackslash},
            {"\"a\\U0041\"", 2, 1, 3, kBackslash},
            {"\"a\\u00g0\"", 6, 1, 7, kHex},
            {"\"a\\u+123\"", 4, 1, 5, kHex},
            {"\"a\\u00\"", 6, 1, 7, kHex},
            {"\"\\uDC00\"", 1, 1, 2, kLone},
            {"\"\\uD800\"", 1, 1, 2, kLone},
            {"\"a\\uD800x\"", 2, 1, 3, kLone},
            {"{\"\\uDFFF\":1}", 2, 1, 3, kLone},
            {"\"\\uD800\\n\"", 1, 1, 2, kLone},
            {"\"\\uD800\\u0041\"", 1, 1, 2, kPair},
            {"\"x\\uD800\\uD800\"", 2, 1, 3, kPair},
            {"\"\xff\"", 1, 1, 2, kUtf8},
            {"\"a\xc3\"", 2, 1, 3, kUtf8},
            {"\"\xed\xa0\x80\"", 1, 1, 2, kUtf8},
            {"\"\xc0\x80\"", 1, 1, 2, kUtf8},
            {"\"\xf4\x90\x80\x80\"", 1, 1, 2, kUtf8},
            {"[1.]", 1, 1, 2, kFraction},
            {"[1.e5]", 1, 1, 2, kFraction},
            {"[-1.x]", 2, 1, 3, kFraction},
            {"01", 0, 1, 1, kZeros},
            {"[00]", 1, 1, 2, kZeros},
            {"[-01]", 2, 1, 3, kZeros},
            {"[01.5]", 1, 1, 2, kZeros},
            {"1e", 0, 1, 1, kExponent},
            {"[1e+]", 1, 1, 2, kExponent},
            {"[-1.5E]", 1, 1, 2, kExponent},
            {"123456789012345", 0, 1, 1, kLong},
            {"[-12345678901234]", 1, 1, 2, kLong},
            {"1" + std::string(500, '0'), 0, 1, 1, kLong},
            {"1e400", 0, 1, 1, kRange},
            {"[1e19]", 1, 1, 2, kRange},
            {"-1e19", 0, 1, 1, kRange},
            {"1e-400", 0, 1, 1, kRange},
            {"[0e400]", 1, 1, 2, kRange},
            // columns count characters, offsets bytes; a BOM counts as neither
            {"{\"é\": x}", 7, 1, 7, kValue},
            {"\xEF\xBB\xBF[x]", 1, 1, 2, kValue},
            {"\xEF\xBB\xBF", 0, 1, 1, kEmpty},
            {"/* é\n ü */ x", 13, 2, 7, kValue},
            {"[\r\n1 2]", 5, 2, 3, kArrayGoesOn},
        };
        for (const Refused &row : table) {
            const std::string expected = std::to_string(row.offset) + " " +
                                         std::to_string(row.line) + ":" +
                                         std::to_string(row.column) + " " + row.detail;
            CPPUNIT_ASSERT_EQUAL_MESSAGE(quote(row.text.substr(0, 60)), expected,
                                         errorOf(row.text));
        }
        // A line that is not UTF-8 before the error has no columns.
        CPPUNIT_ASSERT_EQUAL("7 - " + kValue, errorOf("/*\xff*/ [x]"));
    }

    void takes()
    {
        const std::vector<std::pair<std::string, std::string>> table = {
            {"\xEF\xBB\xBF{}", "{}"},
            {" // a\n /* b */ { /**/ \"a\" // c\n : /* * / ** */ 1 , } // d\n", "{\"a\":1}"},
            {"[1,\n2,\n]", "[1,2]"},
            {"[ ]", "[]"},
            {"[1.0, 1e3, -0, 0.5, 1E+2, 10]", "[1.0,1e3,-0,0.5,1E+2,10]"},
            {"12345678901234", "12345678901234"},
            {"[9.2233720e18,-9.2233720e18]", "[9.2233720e18,-9.2233720e18]"},
            {R"("\u0041\u00e9\uD83D\uDE00\/\b\f\n\r\t\"\\")", "\"Aé😀/\\b\\f\\n\\r\\t\\\"\\\\\""},
            {R"("\u0000\u001f")", R"("\u0000\u001F")"},
            {"\"\x7f\"", "\"\x7f\""},
            {"[null,true,false,\"\"]", "[null,true,false,\"\"]"},
            {"{\"z\":1,\"a\":2,\"\":3}", "{\"z\":1,\"a\":2,\"\":3}"},
            {"\"// no /* comment\"", "\"// no /* comment\""},
            {"\"\\\\\"", "\"\\\\\""},
        };
        for (const auto &[text, expected] : table) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, expected, rewritten(text));
        }
    }

    void kinds()
    {
        const Value value =
            read("[null, true, 10, 10.0, 1e1, 1.5, 1e-1, \"\", [], {}, -0.0, 1.5e1, 1E18]");
        std::string seen;
        for (const Value &item : value.items()) {
            seen += std::to_string(static_cast<int>(item.kind()));
        }
        CPPUNIT_ASSERT_EQUAL("0122233456222"s, seen);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{10}, value.items()[2].asInteger());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{10}, value.items()[3].asInteger());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{10}, value.items()[4].asInteger());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, value.items()[10].asInteger());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{15}, value.items()[11].asInteger());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1'000'000'000'000'000'000},
                             value.items()[12].asInteger());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-99'999'999'999}, read("-99999999999").asInteger());
        CPPUNIT_ASSERT(value.items()[1].asBool());
        CPPUNIT_ASSERT_EQUAL("a null|an integer number|a fractional number"s,
                             std::string(kindName(Kind::null)) + "|" +
                                 std::string(kindName(Kind::integer)) + "|" +
                                 std::string(kindName(Kind::fraction)));
    }

    void keepsPlaces()
    {
        const std::string text =
            "\xEF\xBB\xBF{ \"a\\\"\\\\\": [ 1.5, \"\\\\\", \"\", true,\n false, "
            "null ], /* \"\\\" */ \"b\": {} }";
        const Value root = read(text);
        const std::string_view body = withoutBom(text);
        const Member &a = root.members()[0];
        CPPUNIT_ASSERT_EQUAL(body.find("\"a"), a.nameOffset);
        CPPUNIT_ASSERT_EQUAL(body.find('['), a.value.offset());
        const std::vector<Value> &items = a.value.items();
        CPPUNIT_ASSERT_EQUAL(body.find("1.5"), items[0].offset());
        CPPUNIT_ASSERT_EQUAL(body.find("\"\\\\\"", body.find('[')), items[1].offset());
        CPPUNIT_ASSERT_EQUAL(body.find("\"\""), items[2].offset());
        CPPUNIT_ASSERT_EQUAL(body.find("true"), items[3].offset());
        CPPUNIT_ASSERT_EQUAL(body.find("false"), items[4].offset());
        CPPUNIT_ASSERT_EQUAL(body.find("null"), items[5].offset());
        CPPUNIT_ASSERT_EQUAL(body.find("\"b\""), root.members()[1].nameOffset);
        CPPUNIT_ASSERT_EQUAL(body.find("{}"), root.members()[1].value.offset());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, root.offset());
    }

    void addsBaseToPlaces()
    {
        const Value root = read("{\"a\":[1,{}]}", {}, 1000);
        const Member &a = root.members()[0];
        CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, root.offset());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1001}, a.nameOffset);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1005}, a.value.offset());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1006}, a.value.items()[0].offset());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1008}, a.value.items()[1].offset());
        try {
            read("[1,{x", {}, 1000);
            CPPUNIT_FAIL("no JSON");
        } catch (const ReadError &error) {
            CPPUNIT_ASSERT_EQUAL(std::size_t{4}, error.offset());
        }
    }

    void findsDuplicatesInLargeObjects()
    {
        for (const std::size_t size : {2u, 15u, 16u, 17u, 18u, 1000u}) {
            std::string text = "{";
            for (std::size_t i = 0; i < size; ++i) {
                text += "\"" + std::to_string(i) + "\":{},";
            }
            CPPUNIT_ASSERT_EQUAL(size, read(text + "}").members().size());
            for (const std::size_t repeated : {std::size_t{0}, size / 2, size - 1}) {
                const std::string twice = text + "\"" + std::to_string(repeated) + "\":{}}";
                CPPUNIT_ASSERT_EQUAL(std::to_string(text.size()) +
                                         " 1:" + std::to_string(text.size() + 1) + " " + kDuplicate,
                                     errorOf(twice));
            }
        }
    }

    void bounds()
    {
        CPPUNIT_ASSERT_EQUAL("512 1:513 The JSON payload is nested too deeply.  At most 512 "
                             "levels are supported."s,
                             errorOf(std::string(200'000, '[')));
        CPPUNIT_ASSERT_EQUAL("accepted"s, errorOf(std::string(512, '[') + std::string(512, ']')));
        std::string deep;
        for (int i = 0; i < 100'000; ++i) {
            deep += "{\"a\":";
        }
        CPPUNIT_ASSERT(errorOf(deep).find("nested too deeply") != std::string::npos);

        ReadLimits limits;
        limits.values = 3;
        CPPUNIT_ASSERT_EQUAL("accepted"s, errorOf("[1,2]", limits));
        CPPUNIT_ASSERT_EQUAL("5 1:6 The JSON payload has too many values.  At most 3 are "
                             "supported."s,
                             errorOf("[1,2,3]", limits));
        CPPUNIT_ASSERT_EQUAL("5 1:6 The JSON payload has too many values.  At most 3 are "
                             "supported."s,
                             errorOf("[1,2,[]]", limits));
        limits.bytes = 4;
        CPPUNIT_ASSERT_EQUAL("4 1:5 The JSON payload is too large.  At most 4 bytes are "
                             "supported."s,
                             errorOf("[1,2]", limits));
        std::string million = "{";
        for (int i = 0; i < 1'000'000; ++i) {
            million += "\"" + std::to_string(i) + "\":0,";
        }
        CPPUNIT_ASSERT(errorOf(million + "}").find("too many values") != std::string::npos);
    }

    // Each error is found by the second reading, so none may be without a text of its own.
    void everyCutIsRefused()
    {
        const std::string text = "{\"a\": [1.5, -2e3, \"x\\u0041\\n\", true, null], // c\n"
                                 "\"b\" /* d */ : {\"c\": {}, \"d\": false,},\n}";
        CPPUNIT_ASSERT_EQUAL("accepted"s, errorOf(text));
        for (std::size_t size = 0; size < text.size(); ++size) {
            const std::string error = errorOf(text.substr(0, size));
            CPPUNIT_ASSERT_MESSAGE(text.substr(0, size), error != "accepted");
        }
    }

    void everyChangedByteEndsSomehow()
    {
        const std::string text = "{\"a\": [1.5, -2e3, \"x\\u0041\\uD83D\\uDE00\", true, null], //\n"
                                 "\"b\" /* d */ : {\"c\": {}, \"é\": false,},\n}";
        std::mt19937 random(1);
        const std::string interesting = "{}[],:\"\\/*un0-.eE \n\xC3\xFF\x01x"s + '\0';
        std::size_t accepted = 0;
        for (int round = 0; round < 20'000; ++round) {
            std::string changed = text;
            for (unsigned i = 0; i <= random() % 3; ++i) {
                changed[random() % changed.size()] = interesting[random() % interesting.size()];
            }
            try {
                const Value value = read(changed);
                // What was taken reads the same when written.
                CPPUNIT_ASSERT_EQUAL(writeCompact(value), rewritten(writeCompact(value)));
                ++accepted;
            } catch (const ReadError &error) {
                CPPUNIT_ASSERT(error.offset() <= changed.size());
            }
        }
        CPPUNIT_ASSERT(accepted > 0);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReaderTest);
