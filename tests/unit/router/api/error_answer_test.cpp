// What went wrong with a change, as the exact body that says so.
#include "router/api/error_answer.hpp"
#include "router/control/config_document.hpp"
#include "router/control/config_service.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using namespace patchbay;
using namespace patchbay::api;
using control::ConfigError;
using control::EditError;
using Stage = ConfigError::Stage;

// "\n" stands for a line break of the answer.
std::string lines(std::string_view text)
{
    std::string out;
    for (char c : text) {
        out += c == '\n' ? "\r\n" : std::string(1, c);
    }
    return out;
}

json::Problem problem(std::string detail, std::string pointer, std::size_t offset = 0)
{
    json::Problem problem;
    problem.detail = std::move(detail);
    problem.pointer = std::move(pointer);
    problem.offset = offset;
    return problem;
}

class ErrorAnswerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ErrorAnswerTest);
    CPPUNIT_TEST(aBodyThatIsNoJson);
    CPPUNIT_TEST(aBodyThatIsNoUtf8);
    CPPUNIT_TEST(aFileThatIsNoJson);
    CPPUNIT_TEST(oneBrokenRule);
    CPPUNIT_TEST(severalBrokenRulesInFiles);
    CPPUNIT_TEST(aFailedApply);
    CPPUNIT_TEST(aFailedRestart);
    CPPUNIT_TEST(edits);
    CPPUNIT_TEST(others);
    CPPUNIT_TEST_SUITE_END();

public:
    void aBodyThatIsNoJson()
    {
        const std::string body = "{\n  \"listeners\": {\"*:8300\": {\"pass\": }}\n}";
        Answer answer = syntax(body);
        CPPUNIT_ASSERT_EQUAL(400U, answer.status);
        CPPUNIT_ASSERT_EQUAL(
            lines("{\n\t\"error\": \"Invalid JSON.\",\n\t\"detail\": \"A valid JSON value is "
                  "expected "
                  "here.  It must be either a literal (null, true, or false), a number, a string "
                  "(in double quotes \\\"\\\"), an array (with brackets []), or an object (with "
                  "braces {}).\",\n\t\"location\": {\n\t\t\"offset\": 37,\n\t\t\"line\": "
                  "2,\n\t\t\"column\": 36\n\t}\n}\n"),
            answer.body);
        CPPUNIT_ASSERT_EQUAL(std::size_t{310}, answer.body.size());
    }

    void aBodyThatIsNoUtf8()
    {
        std::string body = syntax("/* \xff */ {\"a\" }").body; // nobody minds it in a comment
        CPPUNIT_ASSERT(body.find("\"offset\": 13\r\n") != std::string::npos);
    }

    void aFileThatIsNoJson()
    {
        try {
            control::readConfiguration({{"a.json", "{}"}, {"b.json", "{\n\"a\" 1}"}});
            CPPUNIT_FAIL("read");
        } catch (const ConfigError &error) {
            CPPUNIT_ASSERT_EQUAL(
                lines("{\n\t\"error\": \"Invalid JSON.\",\n\t\"detail\": \"A colon (:) is expected "
                      "here.  There must be a colon after a JSON member name.\",\n\t\"location\": "
                      "{\n\t\t\"offset\": 6,\n\t\t\"line\": 2,\n\t\t\"column\": 5,\n\t\t\"file\": "
                      "\"b.json\"\n\t}\n}\n"),
                errorAnswer(error).body);
            CPPUNIT_ASSERT_EQUAL(400U, errorAnswer(error).status);
        }
    }

    void oneBrokenRule()
    {
        json::Problem broken = problem("Unknown parameter \"pas\".", "/listeners/*:80/pas");
        ConfigError plain(Stage::validation, {}, {broken});
        CPPUNIT_ASSERT_EQUAL(400U, errorAnswer(plain).status);
        CPPUNIT_ASSERT_EQUAL(
            lines("{\n\t\"error\": \"Invalid configuration.\",\n\t\"detail\": \"Unknown parameter "
                  "\\\"pas\\\".\",\n\t\"pointer\": \"/listeners/*:80/pas\"\n}\n"),
            errorAnswer(plain).body);
        broken.reason = "why";
        broken.suggestion = "pass";
        broken.known = {"pass", "backlog"};
        broken.allowed = R"({"minimum":1,"maximum":5})";
        CPPUNIT_ASSERT_EQUAL(
            lines("{\n\t\"error\": \"Invalid configuration.\",\n\t\"detail\": \"Unknown parameter "
                  "\\\"pas\\\".\",\n\t\"pointer\": \"/listeners/*:80/pas\",\n\t\"reason\": "
                  "\"why\",\n\t\"suggestion\": \"pass\",\n\t\"known\": "
                  "[\n\t\t\"pass\",\n\t\t\"backlog\"\n\t],\n\n\t\"allowed\": {\n\t\t\"minimum\": "
                  "1,\n\t\t\"maximum\": 5\n\t}\n}\n"),
            errorAnswer(ConfigError(Stage::validation, {}, {broken})).body);
    }

    void severalBrokenRulesInFiles()
    {
        control::ConfigSources sources;
        sources.add("a.json", "{}\n{");
        sources.add("b.json", "\n\n  1");
        ConfigError error(Stage::validation, sources,
                          {problem("First.", "/a", 3), problem("Second.", "/b", 9)});
        CPPUNIT_ASSERT_EQUAL(
            lines("{\n\t\"error\": \"Invalid configuration.\",\n\t\"detail\": "
                  "\"First.\",\n\t\"pointer\": \"/a\",\n\t\"more\": [\n\t\t{\n\t\t\t\"detail\": "
                  "\"Second.\",\n\t\t\t\"pointer\": \"/b\",\n\t\t\t\"location\": "
                  "{\n\t\t\t\t\"offset\": 4,\n\t\t\t\t\"line\": 3,\n\t\t\t\t\"column\": "
                  "3,\n\t\t\t\t\"file\": \"b.json\"\n\t\t\t}\n\t\t}\n\t],\n\n\t\"location\": "
                  "{\n\t\t\"offset\": 3,\n\t\t\"line\": 2,\n\t\t\"column\": 1,\n\t\t\"file\": "
                  "\"a.json\"\n\t}\n}\n"),
            errorAnswer(error).body);
    }

    void aFailedApply()
    {
        json::Value cause = json::Value::object();
        cause.add("listener", json::Value::string("*:80"));
        cause.add("code", json::Value::string("in_use"));
        ConfigError error(Stage::apply, {},
                          {problem("Listener \"*:80\" cannot be opened.", "/listeners/*:80")},
                          std::move(cause));
        CPPUNIT_ASSERT_EQUAL(500U, errorAnswer(error).status);
        CPPUNIT_ASSERT_EQUAL(
            lines("{\n\t\"error\": \"Failed to apply new configuration.\",\n\t\"detail\": "
                  "\"Listener \\\"*:80\\\" cannot be opened.\",\n\t\"pointer\": "
                  "\"/listeners/*:80\",\n\t\"listener\": \"*:80\",\n\t\"code\": \"in_use\"\n}\n"),
            errorAnswer(error).body);
    }

    void aFailedRestart()
    {
        ConfigError error(Stage::apply, {}, {problem("It cannot start.", "/applications/a")});
        CPPUNIT_ASSERT(errorAnswer(error, "Failed to restart app.")
                           .body.starts_with("{\r\n\t\"error\": \"Failed to restart app.\",\r\n\t"
                                             "\"detail\": \"It cannot start.\""));
    }

    void edits()
    {
        using Kind = EditError::Kind;
        struct Case {
            Kind kind;
            unsigned status;
            const char *body; // without braces
        };
        const Case cases[] = {
            {Kind::notFound, 404, "\"error\": \"Value doesn't exist.\""},
            {Kind::notArray, 405, "\"error\": \"Method isn't allowed.\""},
            {Kind::conflict, 412, "\"error\": \"why\""},
            {Kind::fromFiles, 409,
             "\"error\": \"The configuration comes from a file.\",\n\t\"detail\": \"why\""},
            {Kind::unreadable, 500,
             "\"error\": \"Failed to read configuration.\",\n\t\"detail\": \"why\""},
        };
        for (const Case &one : cases) {
            Answer answer = errorAnswer(EditError(one.kind, "why"));
            CPPUNIT_ASSERT_EQUAL(one.status, answer.status);
            CPPUNIT_ASSERT_EQUAL(lines("{\n\t" + std::string(one.body) + "\n}\n"), answer.body);
        }
    }

    void others()
    {
        Answer answer = errorAnswer(Error("why"));
        CPPUNIT_ASSERT_EQUAL(500U, answer.status);
        CPPUNIT_ASSERT_EQUAL(lines("{\n\t\"error\": \"Failed to apply new "
                                   "configuration.\",\n\t\"detail\": \"why\"\n}\n"),
                             answer.body);
        CPPUNIT_ASSERT_EQUAL(lines("{\n\t\"error\": \"Memory allocation failed.\"\n}\n"),
                             errorAnswer(std::bad_alloc()).body);
    }

private:
    static Answer syntax(const std::string &body)
    {
        try {
            json::read(body);
        } catch (const json::ReadError &error) {
            return syntaxAnswer(error, body);
        }
        CPPUNIT_FAIL("read: " + body);
        return {};
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ErrorAnswerTest);

} // namespace
