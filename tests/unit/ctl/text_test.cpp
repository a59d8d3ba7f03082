// What a person reads: errors, plans, differences, status. Exact texts.
#include "ctl/error_text.hpp"
#include "ctl/missing.hpp"
#include "ctl/plan_text.hpp"
#include "ctl/printable.hpp"
#include "ctl/status_text.hpp"
#include "ctl/table.hpp"
#include "ctl/value_diff.hpp"
#include "json/reader.hpp"

#include <cppunit/extensions/HelperMacros.h>

using namespace patchbay;
using namespace patchbay::ctl;

namespace {

const char *const kSent = "{\n"
                          "  \"listeners\": {\"*:80\": {\"pas\": \"x\"}},\n"
                          "  \"applications\": {\"a/b\": {\"modul\": [1, 2]}}\n"
                          "}\n";

struct ErrorCase {
    const char *answer;
    const char *text; // with shop.json as what was sent
};

const ErrorCase kErrors[] = {
    {R"({"error": "Invalid configuration.", "detail": "Unknown parameter \"pas\".",
         "pointer": "/listeners/*:80/pas", "suggestion": "pass", "known": ["pass", "tls"],
         "more": [{"detail": "Unknown parameter \"modul\".", "pointer":
                   "/applications/a~1b/modul", "suggestion": "module"},
                  {"detail": "Odd.", "pointer": "/applications/a~1b/modul/1"}]})",
     "Invalid configuration.\n"
     "  shop.json:2:26: /listeners/*:80/pas: Unknown parameter \"pas\". Did you mean \"pass\"?\n"
     "  shop.json:3:28: /applications/a~1b/modul: Unknown parameter \"modul\". Did you mean "
     "\"module\"?\n"
     "  shop.json:3:41: /applications/a~1b/modul/1: Odd."},
    {R"({"error": "Invalid configuration.", "detail": "Unknown parameter \"x\".",
         "pointer": "/not/there", "known": ["pass", "tls"]})",
     "Invalid configuration.\n"
     "  /not/there: Unknown parameter \"x\". Known here: \"pass\", \"tls\"."},
    {R"({"error": "Invalid JSON.", "detail": "Here.",
         "location": {"offset": 9, "line": 2, "column": 4}})",
     "Invalid JSON.\n  shop.json:2:4: Here."},
    {R"({"error": "Invalid JSON.", "detail": "Here.", "location": {"offset": 9}})",
     "Invalid JSON.\n  shop.json: byte 9: Here."},
    {R"({"error": "Invalid JSON.", "detail": "Here.",
         "location": {"file": "/etc/p/conf.d/a.json", "offset": 9, "line": 2, "column": 4}})",
     "Invalid JSON.\n  /etc/p/conf.d/a.json:2:4: Here."},
    {R"({"error": "Invalid configuration.", "detail": "Too small.", "allowed":
         {"minimum": 1, "maximum": 5}})",
     "Invalid configuration.\n  Too small. Allowed: from 1 up to 5."},
    {R"({"error": "Invalid configuration.", "detail": "Bad.", "allowed": ["a", 2]})",
     "Invalid configuration.\n  Bad. Allowed: \"a\", 2."},
    {R"({"error": "Failed to apply new configuration.", "detail":
         "Listener \"*:80\" cannot be opened: Address already in use.",
         "pointer": "/listeners/*:80", "listener": "*:80", "code": "in_use",
         "errno": "EADDRINUSE", "message": "Address already in use"})",
     "Failed to apply new configuration.\n"
     "  shop.json:2:17: /listeners/*:80: Listener \"*:80\" cannot be opened: Address already in "
     "use.\n"
     "  Another process has this address; \"ss -ltnp\" (unix: \"ss -lxp\") shows which."},
    {R"({"error": "Failed to apply new configuration.", "listener": "*:80", "message": "Nope"})",
     "Failed to apply new configuration.\n  listener \"*:80\": Nope"},
    {R"({"error": "Failed to apply new configuration.", "detail": "Application \"blog\" failed.",
         "application": "blog", "output": "Traceback:\n\tline 3\u001b[2J\nImportError: x\n"})",
     "Failed to apply new configuration.\n"
     "  Application \"blog\" failed.\n"
     "  The last lines it printed:\n"
     "    Traceback:\n"
     "    \tline 3\\x1B[2J\n"
     "    ImportError: x"},
    {R"({"error": "Failed to apply new configuration.", "detail": "A module.", "module": "/m.so",
         "message": "no symbol"})",
     "Failed to apply new configuration.\n  A module.\n  module \"/m.so\": no symbol"},
    {R"({"error": "The configuration comes from a file.", "detail": "Change FILE and reload."})",
     "The configuration comes from a file.\n  Change FILE and reload."},
    {R"({"error": "Value doesn't exist."})", "Value doesn't exist."},
    {R"({})", "The server refused without a reason."},
    {R"([1])", "The server refused without a reason."},
    {R"({"error": 5, "detail": [], "more": {}, "known": 1, "location": 3, "output": null})",
     "The server refused without a reason."},
};

} // namespace

class TextTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TextTest);
    CPPUNIT_TEST(testErrors);
    CPPUNIT_TEST(testErrorsOfAPart);
    CPPUNIT_TEST(testErrorsWithoutText);
    CPPUNIT_TEST(testPrintable);
    CPPUNIT_TEST(testTable);
    CPPUNIT_TEST(testPlan);
    CPPUNIT_TEST(testDifferences);
    CPPUNIT_TEST(testMissing);
    CPPUNIT_TEST(testStatus);
    CPPUNIT_TEST(testStatusOfLess);
    CPPUNIT_TEST(testModules);
    CPPUNIT_TEST_SUITE_END();

public:
    void testErrors()
    {
        const SentText sent{"shop.json", kSent, ""};
        for (const ErrorCase &one : kErrors) {
            CPPUNIT_ASSERT_EQUAL(std::string(one.text), errorText(json::read(one.answer), &sent));
        }
    }

    // Only a part of the document was sent: pointers are of the whole.
    void testErrorsOfAPart()
    {
        const SentText sent{"part.json", R"({"pas": 1})", "/listeners/*:80"};
        CPPUNIT_ASSERT_EQUAL(std::string("part.json:1:2"), placeOf(sent, "/listeners/*:80/pas"));
        CPPUNIT_ASSERT_EQUAL(std::string("part.json:1:1"), placeOf(sent, "/listeners/*:80"));
        CPPUNIT_ASSERT_EQUAL(std::string(), placeOf(sent, "/listeners/*:8080/pas"));
        CPPUNIT_ASSERT_EQUAL(std::string(), placeOf(sent, "/listeners"));
    }

    void testErrorsWithoutText()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("Invalid JSON.\n  line 2, column 4: Here."),
                             errorText(json::read(R"({"error": "Invalid JSON.", "detail": "Here.",
                                     "location": {"offset": 9, "line": 2, "column": 4}})"),
                                       nullptr));
        CPPUNIT_ASSERT_EQUAL(
            std::string("Invalid configuration.\n  /a: Odd."),
            errorText(json::read(R"({"error": "Invalid configuration.", "detail": "Odd.",
                                     "pointer": "/a"})"),
                      nullptr));
    }

    void testPrintable()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("a\\x1B[31m\\x0Ab\\x7F"), printable("a\x1B[31m\nb\x7F"));
        CPPUNIT_ASSERT_EQUAL(std::string("\xC3\xA9\\xC2\\x9B\\xFF"),
                             printable("\xC3\xA9\xC2\x9B\xFF"));
        CPPUNIT_ASSERT_EQUAL(std::string("  a\n  \n  b\n"), indented("a\r\n\nb", "  "));
        CPPUNIT_ASSERT_EQUAL(std::string("\xC3\xA9\xC3\xA9..."),
                             shortened("\xC3\xA9\xC3\xA9\xC3\xA9", 2));
        CPPUNIT_ASSERT_EQUAL(std::string("ab"), shortened("ab", 2));
        CPPUNIT_ASSERT_EQUAL(std::string("a\nb\rc\n"), unixLines("a\r\nb\rc\r\n"));
    }

    void testTable()
    {
        Table table({"NAME", ">COUNT", "STATE"});
        CPPUNIT_ASSERT(table.empty());
        table.add({"\xC3\xA9", "7", "ok"});
        table.add({"longer", "1234567", ""});
        CPPUNIT_ASSERT_EQUAL(std::string("NAME      COUNT  STATE\n"
                                         "\xC3\xA9             7  ok\n"
                                         "longer  1234567\n"),
                             table.text());
    }

    void testPlan()
    {
        const json::Value plan = json::read(R"({
            "applications": {"start": ["blog", "new"], "retire": ["blog", "old"],
                             "keep": ["shop", "wiki"], "restart": ["blog"]},
            "listeners": {"open": ["*:80"], "close": ["*:81"], "keep": ["*:82", "*:83"],
                          "change": ["*:83"]}})");
        CPPUNIT_ASSERT_EQUAL(std::string("application blog: restart (its options changed)\n"
                                         "application new: start\n"
                                         "application old: stop\n"
                                         "listener *:80: open\n"
                                         "listener *:81: close\n"
                                         "listener *:83: change (stays open with other options)\n"
                                         "unchanged applications: shop, wiki\n"
                                         "unchanged listeners: *:82\n"),
                             planText(plan));
        CPPUNIT_ASSERT(planChanges(plan));
        const json::Value same = json::read(R"({"applications": {"keep": ["a"], "start": []}})");
        CPPUNIT_ASSERT_EQUAL(std::string("No application and no listener would change.\n"
                                         "unchanged applications: a\n"),
                             planText(same));
        CPPUNIT_ASSERT(!planChanges(same));
        CPPUNIT_ASSERT(!planChanges(json::Value()));
    }

    void testDifferences()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("~ /a: 1 -> [true]\n"
                                         "- /gone: {}\n"
                                         "+ /new: {\"k\":null}\n"
                                         "~ /: 1 -> 2\n"),
                             differencesText(json::read(R"([
                                 {"pointer": "/a", "before": 1, "after": [true]},
                                 {"pointer": "/gone", "before": {}},
                                 {"pointer": "/new", "after": {"k": null}},
                                 {"pointer": "", "before": 1, "after": 2}])")));
        CPPUNIT_ASSERT_EQUAL(std::string(), differencesText(json::read("[]")));
        const std::string longText = "\"" + std::string(500, 'x') + "\"";
        CPPUNIT_ASSERT(
            differencesText(json::read(R"([{"pointer": "/a", "after": )" + longText + "}]"))
                .size() < 300);
    }

    void testMissing()
    {
        const json::Value root =
            json::read(R"({"listeners": {"*:8080": {"pass": "x"}, "[::1]:1": {}},
                           "list": [1, 2], "empty": {}})");
        const std::pair<std::vector<std::string>, std::string> table[] = {
            {{"listeners", "*:8080", "pass"}, ""},
            {{"list", "1"}, ""},
            {{"listenrs", "x"},
             "The configuration has no \"listenrs\". Did you mean \"listeners\"?"},
            {{"listeners", "*:8081"}, "/listeners has no \"*:8081\". Did you mean \"*:8080\"?"},
            {{"listeners", "other"},
             "/listeners has no \"other\". There are: \"*:8080\", \"[::1]:1\"."},
            {{"list", "2"}, "/list has no \"2\". It is an array with 2 elements from 0."},
            {{"empty", "x"}, "/empty has no \"x\". It is empty."},
            {{"listeners", "*:8080", "pass", "x"},
             "/listeners/*:8080/pass has no \"x\". It is a string."},
        };
        for (const auto &[parts, said] : table) {
            CPPUNIT_ASSERT_EQUAL(said, missingText(root, parts));
        }
    }

    void testStatus()
    {
        const json::Value status = json::read(R"({
            "modules": {}, "connections": {"accepted": 146, "active": 1, "idle": 2, "closed": 143},
            "requests": {"total": 147},
            "applications": {
              "blog": {"processes": {"running": 2, "starting": 0, "idle": 1, "started": 5},
                "requests": {"active": 1, "total": 147, "queued": 0,
                             "wait": {"count": 10, "milliseconds": 125},
                             "failed": {"unavailable": 1, "worker_died": 2}}, "state": "ok"},
              "shop": {"processes": {"running": 0, "starting": 1, "idle": 0},
                "requests": {"active": 0}, "state": "degraded",
                "failure": {"message": "it ended at once", "output": "ImportError: x\n"}}},
            "listeners": {"*:80": {"state": "open"},
                          "*:81": {"state": "failed", "message": "Address already in use"}},
            "configuration": {"source": "file", "file": "/etc/p.json", "generation": 12,
              "applied": "2026-11-23T09:00:00Z", "stored": "No space left on device",
              "drift": ["/settings/http"]},
            "generations": [{"id": 12, "age": 5, "bindings": 1, "connections": 2, "requests": 0,
                             "current": true},
                            {"id": 11, "age": 60, "connections": 1, "requests": 1,
                             "current": false}]})");
        CPPUNIT_ASSERT_EQUAL(
            std::string(
                "configuration  generation 12, from /etc/p.json, applied 2026-11-23T09:00:00Z\n"
                "               differs from the file, changed by the API: /settings/http\n"
                "connections    1 active, 2 idle, 146 accepted, 143 closed\n"
                "requests       147\n"
                "\n"
                "LISTENER  STATE\n"
                "*:80      open\n"
                "*:81      failed\n"
                "\n"
                "APPLICATION  STATE     PROCESSES  IDLE  STARTING  ACTIVE  QUEUED   WAIT  "
                "REQUESTS  FAILED\n"
                "blog         ok                2     1         0       1       0  12 ms       "
                "147       3\n"
                "shop         degraded          0     0         1       0       -      -         "
                "-       -\n"
                "\n"
                "GENERATION   AGE  CONNECTIONS  REQUESTS\n"
                "        12   5 s            2         0  current\n"
                "        11  60 s            1         1  still in use\n"
                "\n"
                "application \"shop\" is degraded: it ended at once\n"
                "  the last lines it printed:\n"
                "    ImportError: x\n"
                "listener \"*:81\" is not open: Address already in use\n"
                "the configuration is active but not stored: No space left on device\n"),
            statusText(status));
    }

    void testStatusOfLess()
    {
        CPPUNIT_ASSERT_EQUAL(std::string(), statusText(json::read("{}")));
        CPPUNIT_ASSERT_EQUAL(std::string(), statusText(json::read("[]")));
        CPPUNIT_ASSERT_EQUAL(std::string("requests       3\n"),
                             statusText(json::read(R"({"requests": {"total": 3},
                                 "applications": [], "listeners": 5, "generations": {},
                                 "configuration_": 1})")));
        CPPUNIT_ASSERT_EQUAL(std::string("configuration  generation 1, from the control API\n"),
                             statusText(json::read(R"({"configuration": {"source": "api",
                                 "generation": 1, "stored": true}})")));
        CPPUNIT_ASSERT_EQUAL(std::string("application \"a\" is down"),
                             troubleText(json::read(R"({"applications": {"a": {"state": "down"},
                                 "b": {"state": "starting"}}})")));
    }

    void testModules()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("MODULE  VERSION  FILE\n"
                                         "php     8.2      /a.so\n"
                                         "php     8.3      /b.so\n"
                                         "python  3.11.2   /p.so\n"),
                             modulesText(json::read(R"({"php": [{"version": "8.2", "lib": "/a.so"},
                                 {"version": "8.3", "lib": "/b.so"}],
                                 "python": {"version": "3.11.2", "lib": "/p.so"}})")));
        CPPUNIT_ASSERT_EQUAL(std::string("No module is loaded.\n"), modulesText(json::read("{}")));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TextTest);
