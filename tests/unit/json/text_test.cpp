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
