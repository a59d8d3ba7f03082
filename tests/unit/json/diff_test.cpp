// Where two documents differ.
#include "json/diff.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

#include <cppunit/extensions/HelperMacros.h>

using namespace patchbay;

namespace {

class DiffTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DiffTest);
    CPPUNIT_TEST(placesAndValues);
    CPPUNIT_TEST(orderAndSpellingDoNotMatter);
    CPPUNIT_TEST(theRootItself);
    CPPUNIT_TEST_SUITE_END();

public:
    void placesAndValues()
    {
        CPPUNIT_ASSERT_EQUAL(
            std::string("/a 1 [true]\n/b/c \"x\" \"y\"\n/b/d~1e/1 2 5\n/b/d~1e/2 3 none\n"
                        "/gone {} none\n/new none {\"k\":null}\n"),
            difference(R"({"a": 1, "b": {"c": "x", "d/e": [1, 2, 3]}, "gone": {}, "same": [1.0]})",
                       R"({"same": [1], "b": {"d/e": [1, 5], "c": "y"}, "a": [true],
                           "new": {"k": null}})"));
    }
    void orderAndSpellingDoNotMatter()
    {
        CPPUNIT_ASSERT_EQUAL(std::string(),
                             difference(R"({"a": 1, "b": 1e1})", R"({"b": 10.0, "a": 1.0})"));
    }
    void theRootItself() { CPPUNIT_ASSERT_EQUAL(std::string(" 1 []\n"), difference("1", "[]")); }

private:
    static std::string text(const json::Value *value)
    {
        return value == nullptr ? "none" : json::writeCompact(*value);
    }
    static std::string difference(const std::string &before, const std::string &after)
    {
        json::Value old = json::read(before);
        json::Value now = json::read(after);
        std::string all;
        for (const json::Difference &one : json::differences(old, now)) {
            all += one.pointer + " " + text(one.before) + " " + text(one.after) + "\n";
        }
        return all;
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DiffTest);

} // namespace
