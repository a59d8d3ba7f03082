// Request targets taken apart, answers as text.
#include "router/api/message.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using namespace patchbay;
using namespace patchbay::api;
using Parts = std::vector<std::string>;
using Query = std::map<std::string, std::string>;

class MessageTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MessageTest);
    CPPUNIT_TEST(paths);
    CPPUNIT_TEST(badPaths);
    CPPUNIT_TEST(queries);
    CPPUNIT_TEST(dryRuns);
    CPPUNIT_TEST(times);
    CPPUNIT_TEST(answers);
    CPPUNIT_TEST_SUITE_END();

public:
    void paths()
    {
        const std::pair<std::string, Parts> table[] = {
            {"/", {}},
            {"", {}},
            {"//", {}},
            {"/config", {"config"}},
            {"/config/", {"config"}},
            {"//config//listeners///*:80/", {"config", "listeners", "*:80"}},
            {"/config/a%2Fb", {"config", "a/b"}},
            {"/config/a%2fb%25%3A%20%00", {"config", std::string("a/b%: \0", 7)}},
            {"/config/%E4%F6", {"config", "\xE4\xF6"}},
            {"/config/a+b", {"config", "a+b"}},
            {"/config?x/y", {"config"}},
            {"/config#x?y", {"config"}},
            {"/config/..", {"config", ".."}},
            {"http://host/config", {"http:", "host", "config"}},
            {"/" + std::string(1000, 'a'), {std::string(1000, 'a')}},
        };
        for (const auto &[target, parts] : table) {
            Request request;
            CPPUNIT_ASSERT_MESSAGE(target, parseTarget(target, request));
            CPPUNIT_ASSERT_MESSAGE(target, parts == request.path);
        }
    }

    void badPaths()
    {
        for (const char *target : {"/%", "/a%2", "/%2", "/%zz", "/%2z", "/%z2", "/%%", "/a%/b",
                                   "/config/%-1", "/config/%2?x"}) {
            Request request;
            CPPUNIT_ASSERT_MESSAGE(target, !parseTarget(target, request));
        }
    }

    void queries()
    {
        const std::pair<std::string, Query> table[] = {
            {"/?", {}},
            {"/?a", {{"a", ""}}},
            {"/?a=", {{"a", ""}}},
            {"/?a=1&b=2", {{"a", "1"}, {"b", "2"}}},
            {"/?&&a=1&", {{"a", "1"}}},
            {"/?a=1&a=2", {{"a", "2"}}},
            {"/?a%3D=%26", {{"a=", "&"}}},
            {"/?a=b=c?d/e", {{"a", "b=c?d/e"}}},
            {"/?%=1&%zz&a=%&b=1", {{"b", "1"}}}, // what is no name of ours does not matter
            {"/?a=1#b&c", {{"a", "1"}}},
        };
        for (const auto &[target, query] : table) {
            Request request;
            CPPUNIT_ASSERT_MESSAGE(target, parseTarget(target, request));
            CPPUNIT_ASSERT_MESSAGE(target, query == request.query);
        }
    }

    void dryRuns()
    {
        for (const char *target : {"/?dry_run=1", "/?dry_run", "/?dry_run=true", "/?a&dry_run=1"}) {
            Request request;
            CPPUNIT_ASSERT(parseTarget(target, request));
            CPPUNIT_ASSERT_MESSAGE(target, request.dryRun());
        }
        for (const char *target : {"/", "/?dry_run=0", "/?dry=1", "/dry_run=1"}) {
            Request request;
            CPPUNIT_ASSERT(parseTarget(target, request));
            CPPUNIT_ASSERT_MESSAGE(target, !request.dryRun());
        }
    }

    void times()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("1970-01-01T00:00:00Z"), timeText(0));
        CPPUNIT_ASSERT_EQUAL(std::string("2024-02-29T23:59:59Z"), timeText(1709251199));
        CPPUNIT_ASSERT(!timeText(INT64_MAX).empty()); // no such year, and no harm
    }

    void answers()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("{\r\n\t\"success\": \"Ok\"\r\n}\r\n"),
                             Answer::success("Ok").body);
        Answer error = Answer::error(409, "A \"b\".", "c\n");
        CPPUNIT_ASSERT_EQUAL(409U, error.status);
        CPPUNIT_ASSERT_EQUAL(
            std::string("{\r\n\t\"error\": \"A \\\"b\\\".\",\r\n\t\"detail\": \"c\\n\"\r\n}\r\n"),
            error.body);
        CPPUNIT_ASSERT_EQUAL(std::string("{\r\n\t\"error\": \"a? ? \xC3\xA4 ??\"\r\n}\r\n"),
                             Answer::error(500, "a\xFF \xC3 \xC3\xA4 \xED\xA0").body);
        CPPUNIT_ASSERT_EQUAL(std::string("301\r\n"),
                             Answer::of(200, json::Value::integer(301)).body);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MessageTest);

} // namespace
