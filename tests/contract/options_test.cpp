// sdk/options.hpp: what authors read their options with.
#include "patchbay/options.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using patchbay::sdk::Options;

class OptionsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(OptionsTest);
    CPPUNIT_TEST(members);
    CPPUNIT_TEST(texts);
    CPPUNIT_TEST(whatIsNoObject);
    CPPUNIT_TEST_SUITE_END();

    void members()
    {
        const Options options(
            R"({"a":{"b":[1,"}"]},"b":-7,"c" : true ,"d":"x","e":5.11e2,"f":[]})");
        CPPUNIT_ASSERT(options.integer("b") == -7);
        CPPUNIT_ASSERT(options.boolean("c") == true);
        CPPUNIT_ASSERT(options.text("d") == "x");
        CPPUNIT_ASSERT(options.integer("e") == 511);
        CPPUNIT_ASSERT(options.raw("a") == R"({"b":[1,"}"]})");
        CPPUNIT_ASSERT(options.raw("f") == "[]");
        CPPUNIT_ASSERT(!options.text("g") && !options.integer("d") && !options.boolean("b"));
        CPPUNIT_ASSERT(!options.text("b"));
        CPPUNIT_ASSERT(Options("{}").raw("a").empty());
    }

    void texts()
    {
        const Options options(R"({"a\"b":"\\\"\/\n\t","u":"\u00e9\u20ac\ud83d\ude00","empty":""})");
        CPPUNIT_ASSERT(options.text("a\"b") == "\\\"/\n\t");
        CPPUNIT_ASSERT(options.text("u") == "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
        CPPUNIT_ASSERT(options.text("empty") == "");
    }

    // Cut anywhere, it throws or finds nothing; it does not read on.
    void whatIsNoObject()
    {
        const std::string whole = R"({"a\"b":"\\\"\n","u":"\u00e9\ud83d\ude00","n":[1,{"x":2}]})";
        for (std::size_t size = 0; size < whole.size(); size++) {
            const std::string cut(whole, 0, size);
            CPPUNIT_ASSERT_THROW(Options(cut).raw("nothing"), std::invalid_argument);
        }
        for (const char *text : {"", "[]", "nonsense", "{\"a\"}", "{\"a\":}", "{a:1}"}) {
            CPPUNIT_ASSERT_THROW(Options(text).raw("b"), std::invalid_argument);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OptionsTest);

} // namespace
