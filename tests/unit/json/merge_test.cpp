// Uniting documents: what may be given in several files, and what is refused.
#include "json/merge.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

using namespace patchbay::json;
using namespace std::string_literals;

namespace {

// The document, or "POINTER FIRST SECOND" of the conflict; the second text's offsets begin at 1000.
std::string merge(const std::string &first, const std::string &second)
{
    Value target = read(first);
    if (const auto conflict = mergeInto(target, read(second, {}, 1000))) {
        return conflict->pointer + " " + std::to_string(conflict->first) + " " +
               std::to_string(conflict->second);
    }
    return writeCompact(target);
}

} // namespace

class MergeTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MergeTest);
    CPPUNIT_TEST(unites);
    CPPUNIT_TEST(refusesWhatIsGivenTwice);
    CPPUNIT_TEST(keepsOffsets);
    CPPUNIT_TEST(unitesManyFiles);
    CPPUNIT_TEST(unitesLargeDocuments);
    CPPUNIT_TEST_SUITE_END();

public:
    void unites()
    {
        CPPUNIT_ASSERT_EQUAL(R"({})"s, merge("{}", "{}"));
        CPPUNIT_ASSERT_EQUAL(R"({"a":1,"b":[2]})"s, merge(R"({"a":1})", R"({"b":[2]})"));
        CPPUNIT_ASSERT_EQUAL(
            R"({"listeners":{"*:80":{},"*:81":{}},"applications":{"b":{}},"routes":[]})"s,
            merge(R"({"listeners":{"*:80":{}},"applications":{}})",
                  R"({"applications":{"b":{}},"listeners":{"*:81":{}},"routes":[]})"));
        // Settings go together option by option, at any depth.
        CPPUNIT_ASSERT_EQUAL(
            R"({"settings":{"http":{"a":1,"x":{"p":1,"q":2},"b":2},"listen_threads":2}})"s,
            merge(R"({"settings":{"http":{"a":1,"x":{"p":1}}}})",
                  R"({"settings":{"listen_threads":2,"http":{"b":2,"x":{"q":2}}}})"));
    }

    void refusesWhatIsGivenTwice()
    {
        CPPUNIT_ASSERT_EQUAL("/listeners/*:80 14 1014"s,
                             merge(R"({"listeners":{"*:80":{}}})", R"({"listeners":{"*:80":{}}})"));
        // Not even when both say the same, or when the two could be put together.
        CPPUNIT_ASSERT_EQUAL("/applications/a~1b 17 1018"s,
                             merge(R"({"applications":{"a/b":{"user":"x"}}})",
                                   R"({"applications": {"a/b":{"group":"x"}}})"));
        CPPUNIT_ASSERT_EQUAL("/routes 1 1002"s, merge(R"({"routes":[]})", R"({ "routes":[]})"));
        CPPUNIT_ASSERT_EQUAL("/listeners 1 1001"s,
                             merge(R"({"listeners":{}})", R"({"listeners":null})"));
        CPPUNIT_ASSERT_EQUAL(
            "/settings/http/a 21 1021"s,
            merge(R"({"settings":{"http":{"a":1}}})", R"({"settings":{"http":{"a":1}}})"));
        // Only the root's own "settings" are that.
        CPPUNIT_ASSERT_EQUAL("/x/settings 6 1006"s, merge(R"({"x":{"settings":{"a":1}}})",
                                                          R"({"x":{"settings":{"b":1}}})"));
        CPPUNIT_ASSERT_EQUAL(" 0 1001"s, merge("[]", " {}"));
        CPPUNIT_ASSERT_EQUAL(" 0 1000"s, merge("{}", "1"));
    }

    void keepsOffsets()
    {
        Value target = read(R"({"listeners":{"a":1}})");
        CPPUNIT_ASSERT(!mergeInto(target, read(R"({"listeners":{"b":2}})", {}, 500)));
        const Value &listeners = *target.find("listeners");
        CPPUNIT_ASSERT_EQUAL(std::size_t{14}, listeners.members()[0].nameOffset);
        CPPUNIT_ASSERT_EQUAL(std::size_t{514}, listeners.members()[1].nameOffset);
        CPPUNIT_ASSERT_EQUAL(std::size_t{518}, listeners.members()[1].value.offset());
    }

    void unitesManyFiles()
    {
        Value target = read("{}");
        for (int i = 0; i < 5000; ++i) {
            const std::string name = "\"application" + std::to_string(i) + "\"";
            CPPUNIT_ASSERT(!mergeInto(target, read("{\"applications\":{" + name + ":{}}}")));
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{5000}, target.find("applications")->members().size());
    }

    void unitesLargeDocuments()
    {
        const auto document = [](const std::string &prefix) {
            Value inner = Value::object();
            for (int i = 0; i < 200'000; ++i) {
                inner.add(prefix + std::to_string(i), Value::integer(i), static_cast<size_t>(i));
            }
            Value root = Value::object();
            root.add("applications", std::move(inner));
            return root;
        };
        Value target = document("a");
        CPPUNIT_ASSERT(!mergeInto(target, document("b")));
        CPPUNIT_ASSERT_EQUAL(std::size_t{400'000}, target.find("applications")->members().size());
        const auto conflict = mergeInto(target, document("a"));
        CPPUNIT_ASSERT(conflict && conflict->pointer == "/applications/a0");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MergeTest);
