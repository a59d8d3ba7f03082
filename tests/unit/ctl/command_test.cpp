// Whole commands against a server that answers what the test says: requests sent, texts, exit
// codes.
#include "ctl/command.hpp"

#include "ctl/console.hpp"
#include "ctl/control_client.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/options.hpp"
#include "fake_server.hpp"
#include "main/temp_dir.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

using namespace patchbay;
using namespace patchbay::ctl;
using patchbay::test::answer;
using patchbay::test::FakeServer;

namespace {

struct Outcome {
    int code = -1;
    std::string out, err;
};

const std::string kDoneText = "{\r\n\t\"success\": \"Reconfiguration done.\"\r\n}\r\n";

} // namespace

class CommandTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CommandTest);
    CPPUNIT_TEST(testGet);
    CPPUNIT_TEST(testMissing);
    CPPUNIT_TEST(testSetAppendDelete);
    CPPUNIT_TEST(testRefused);
    CPPUNIT_TEST(testDegraded);
    CPPUNIT_TEST(testNotStored);
    CPPUNIT_TEST(testNoJson);
    CPPUNIT_TEST(testCheck);
    CPPUNIT_TEST(testDiff);
    CPPUNIT_TEST(testHistory);
    CPPUNIT_TEST(testRollback);
    CPPUNIT_TEST(testRestart);
    CPPUNIT_TEST(testStatus);
    CPPUNIT_TEST(testEdit);
    CPPUNIT_TEST(testEditUnchanged);
    CPPUNIT_TEST(testEditAgain);
    CPPUNIT_TEST(testEditKeepsTheText);
    CPPUNIT_TEST(testEditorFails);
    CPPUNIT_TEST(testImport);
    CPPUNIT_TEST(testImportRefused);
    CPPUNIT_TEST(testImportOfNothing);
    CPPUNIT_TEST_SUITE_END();

    // By the start of the request: "PUT /config". Of several that fit, the longest.
    std::map<std::string, std::string> replies_;
    test::TempDir dir_;
    std::string address_ = "unix:" + dir_ / "control";
    FakeServer server_{address_, [this](const std::string &request) {
                           const std::string *best = nullptr;
                           for (const auto &[start, reply] : replies_) {
                               best = request.starts_with(start) ? &reply : best;
                           }
                           return best != nullptr ? *best : answer(500, R"({"error": "test"})");
                       }};

    // Answers questions with `typed`, if there is any.
    Outcome run(std::vector<const char *> arguments, const std::string &typed = "")
    {
        const Options options = parseOptions(arguments, address_.c_str());
        const ControlClient client(options.control);
        std::istringstream in(typed);
        std::ostringstream out, err;
        Console console(in, out, err, {options.quiet, false, !typed.empty()});
        Context context{options, client, console};
        Outcome outcome;
        try {
            outcome.code = options.command->run(context);
        } catch (const ConnectError &error) {
            outcome.code = kNoAnswer;
            console.complain(error.what());
        } catch (const Error &error) {
            outcome.code = kRefused;
            console.complain(error.what());
        }
        outcome.out = out.str();
        outcome.err = err.str();
        return outcome;
    }

    std::string lastRequest() { return server_.requests().back(); }

    static void check(const Outcome &outcome, int code, const std::string &out,
                      const std::string &err = "")
    {
        CPPUNIT_ASSERT_EQUAL(out, outcome.out);
        CPPUNIT_ASSERT_EQUAL(err, outcome.err);
        CPPUNIT_ASSERT_EQUAL(code, outcome.code);
    }

    // A shell script as $EDITOR; its text files go where the test can see them.
    void setEditor(const std::string &script)
    {
        test::writeFile(dir_ / "editor", script);
        setenv("EDITOR", ("/bin/sh " + dir_ / "editor").c_str(), 1);
        std::filesystem::create_directory(dir_ / "tmp");
        setenv("TMPDIR", (dir_ / "tmp").c_str(), 1);
    }
    std::vector<std::string> keptTexts() const
    {
        std::vector<std::string> texts;
        for (const auto &entry : std::filesystem::directory_iterator(dir_ / "tmp")) {
            texts.push_back(test::readFile(entry.path().string()));
        }
        return texts;
    }

public:
    void testGet()
    {
        replies_["GET /config/applications"] = answer(200, "{\r\n\t\"a\": 1\r\n}\r\n");
        check(run({"config", "get", "/applications"}), kDone, "{\n\t\"a\": 1\n}\n");
        check(run({"config", "get", "applications", "--quiet"}), kDone, "{\n\t\"a\": 1\n}\n");
        replies_["GET /schema"] = answer(200, "{}\r\n");
        check(run({"schema"}), kDone, "{}\n");
    }

    void testMissing()
    {
        replies_["GET /config "] = answer(200, R"({"listeners": {"*:8080": {}}})");
        replies_["GET /config/"] = answer(404, R"({"error": "Value doesn't exist."})");
        check(run({"config", "get", "/listeners/*:8081"}), kRefused, "",
              "patchbayctl: Value doesn't exist.\n"
              "  /listeners has no \"*:8081\". Did you mean \"*:8080\"?\n");
        check(run({"config", "get", "/x", "--json"}), kRefused,
              R"({"error": "Value doesn't exist."})");
    }

    void testSetAppendDelete()
    {
        for (const char *method : {"PUT /config/a", "POST /config/a", "DELETE /config/a"}) {
            replies_[method] = answer(200, kDoneText);
        }
        check(run({"config", "set", "a/b", "8"}), kDone, "Reconfiguration done.\n");
        CPPUNIT_ASSERT(lastRequest().starts_with("PUT /config/a/b HTTP"));
        CPPUNIT_ASSERT(lastRequest().ends_with("\r\n\r\n8"));
        check(run({"config", "append", "a", "--string", "x", "--quiet"}), kDone, "");
        CPPUNIT_ASSERT(lastRequest().starts_with("POST /config/a HTTP"));
        CPPUNIT_ASSERT(lastRequest().ends_with("\r\n\r\n\"x\""));
        check(run({"config", "delete", "a", "--json"}), kDone,
              "{\n\t\"success\": \"Reconfiguration done.\"\n}\n");
        CPPUNIT_ASSERT(lastRequest().starts_with("DELETE /config/a HTTP"));
    }

    void testRefused()
    {
        const std::string body = R"({"error": "Invalid configuration.", "detail": "Odd.",
                                     "pointer": "/a/b/c"})";
        replies_["PUT /config/a/b"] = answer(400, body);
        test::writeFile(dir_ / "v", "{\n \"c\": 1}");
        check(run({"config", "set", "/a/b", ("@" + dir_ / "v").c_str()}), kRefused, "",
              "patchbayctl: Invalid configuration.\n  " + dir_ / "v" + ":2:2: /a/b/c: Odd.\n");
        check(run({"config", "set", "/a/b", R"({"c": 1})"}), kRefused, "",
              "patchbayctl: Invalid configuration.\n  /a/b/c: Odd.\n");
    }

    void testDegraded()
    {
        replies_["POST /control/reload"] =
            answer(200, R"({"success": "Reconfiguration done.", "degraded": ["blog"]})");
        replies_["GET /status"] = answer(200, R"({"applications": {"blog": {"state": "degraded",
            "failure": {"message": "it does not start", "output": "why\n"}}}})");
        check(run({"reload"}), kDegraded, "Reconfiguration done.\n",
              "patchbayctl: done, but not everything runs: \"blog\"\n"
              "patchbayctl: application \"blog\" is degraded: it does not start\n"
              "  the last lines it printed:\n    why\n");
        replies_["GET /status"] = ""; // done is done
        check(run({"reload"}), kDegraded, "Reconfiguration done.\n",
              "patchbayctl: done, but not everything runs: \"blog\"\n");
    }

    void testNotStored()
    {
        replies_["PUT /config"] =
            answer(200, R"({"success": "Reconfiguration done.", "warning": "Not stored."})");
        check(run({"config", "set", "/", "{}"}), kDegraded, "Reconfiguration done.\n",
              "patchbayctl: Not stored.\n");
    }

    void testNoJson()
    {
        replies_["GET /status"] = answer(502, "<html>\x1B");
        check(run({"status"}), kNoAnswer, "",
              "patchbayctl: status 502 with a text that is no JSON: \"<html>\\x1B\". Is this the "
              "control socket of patchbayd?\n");
    }

    void testCheck()
    {
        test::writeFile(dir_ / "c", "{\n}");
        replies_["PUT /config?dry_run=1"] =
            answer(200, R"({"success": "Configuration is valid."})");
        check(run({"check", (dir_ / "c").c_str()}), kDone,
              dir_ / "c" + ": configuration is valid\n");
        replies_["POST /control/reload?dry_run=1"] =
            answer(400, R"({"error": "There is no configuration file.", "detail": "None."})");
        check(run({"check"}), kRefused, "",
              "patchbayctl: There is no configuration file.\n  None.\n");
        replies_["PUT /config?dry_run=1"] =
            answer(400, R"({"error": "Invalid JSON.", "detail": "X.", "location": {"line": 2,
                     "column": 1}})");
        check(run({"check", (dir_ / "c").c_str()}), kRefused, "",
              "patchbayctl: Invalid JSON.\n  " + dir_ / "c" + ":2:1: X.\n");
        check(run({"check", (dir_ / "none").c_str()}), kRefused, "",
              "patchbayctl: " + dir_ / "none" + ": No such file or directory\n");
    }

    void testDiff()
    {
        test::writeFile(dir_ / "c", R"({"settings": {"http": {"idle_timeout": 6}}})");
        const std::string plan = R"({"success": "", "plan": {"applications": {"keep": ["a"]}})";
        replies_["PUT /config?dry_run=1"] =
            answer(200, plan + R"(, "changed": [{"pointer": "/settings/http/idle_timeout",
                                                 "before": 5, "after": 6}]})");
        check(run({"diff", (dir_ / "c").c_str()}), kDiffers,
              "No application and no listener would change.\nunchanged applications: a\n"
              "\nchanged values:\n~ /settings/http/idle_timeout: 5 -> 6\n");
        replies_["PUT /config?dry_run=1"] = answer(200, plan + R"(, "changed": []})");
        check(run({"diff", (dir_ / "c").c_str(), "--quiet"}), kDone,
              "No application and no listener would change.\nunchanged applications: a\n");
        replies_["POST /control/reload?dry_run=1"] =
            answer(200, R"({"success": "", "plan": {"listeners": {"open": ["*:80"]}}})");
        check(run({"diff"}), kDiffers, "listener *:80: open\n");
        for (const std::string &request : server_.requests()) {
            CPPUNIT_ASSERT_MESSAGE(request, request.starts_with("GET ") ||
                                                request.find("?dry_run=1 ") != request.npos);
        }
    }

    void testHistory()
    {
        replies_["GET /control/history"] = answer(200, R"([
            {"id": 12, "time": "2026-11-23T09:00:00Z", "uid": 0, "origin": "api", "current": true},
            {"id": 9, "time": "2026-11-22T09:00:00Z", "uid": 4294967293, "origin": "file"}])");
        check(run({"history"}), kDone,
              "ID  TIME                  BY          FROM\n"
              "12  2026-11-23T09:00:00Z  root        api   current\n"
              " 9  2026-11-22T09:00:00Z  4294967293  file\n");
        replies_["GET /control/history/9"] = answer(200, "{}\r\n");
        check(run({"history", "show", "9"}), kDone, "{}\n");
        check(run({"history", "show", "../x"}), kRefused, "",
              "patchbayctl: \"../x\" is no version: its number is wanted, see \"patchbayctl "
              "history\"\n");
        replies_["GET /control/history"] = answer(200, "[]");
        check(run({"history"}), kDone, "No version is kept.\n");
    }

    void testRollback()
    {
        replies_["POST /control/history/"] = answer(200, kDoneText);
        replies_["GET /control/history"] = answer(200, R"([{"id": 12}, {"id": 11, "current": true},
                                                           {"id": 9}])");
        check(run({"rollback"}), kDone, "Version 9 is in effect again.\n");
        CPPUNIT_ASSERT(lastRequest().starts_with("POST /control/history/9/restore HTTP"));
        check(run({"rollback", "12"}), kDone, "Version 12 is in effect again.\n");
        replies_["GET /control/history"] = answer(200, R"([{"id": 12, "current": true}])");
        check(run({"rollback"}), kRefused, "",
              "patchbayctl: there is no version before the current one\n");
        replies_["GET /control/history"] = answer(200, R"([{"id": 12}])");
        check(run({"rollback"}), kRefused, "",
              "patchbayctl: none of the kept versions is the current one: name the one that you "
              "want, see \"patchbayctl history\"\n");
    }

    void testRestart()
    {
        replies_["POST /control/applications/a%2Fb%20c/restart"] =
            answer(200, R"({"success": "Ok"})");
        check(run({"restart", "a/b c"}), kDone, "application \"a/b c\" has been restarted.\n");
        replies_["POST /control/applications/blgo/"] =
            answer(404, R"({"error": "Value doesn't exist."})");
        replies_["GET /config "] = answer(200, R"({"applications": {"blog": {}}})");
        check(run({"restart", "blgo"}), kRefused, "",
              "patchbayctl: Value doesn't exist.\n"
              "  /applications has no \"blgo\". Did you mean \"blog\"?\n");
    }

    void testStatus()
    {
        replies_["GET /status"] = answer(200, R"({"requests": {"total": 3}})");
        check(run({"status"}), kDone, "requests       3\n");
        replies_["GET /status"] =
            answer(200, R"({"listeners": {"*:80": {"state": "failed", "message": "X"}}})");
        check(run({"status"}), kDegraded,
              "\nLISTENER  STATE\n*:80      failed\n\nlistener \"*:80\" is not open: X\n");
        replies_["GET /status/modules"] = answer(200, "{}");
        check(run({"modules"}), kDone, "No module is loaded.\n");
    }

    void testEdit()
    {
        replies_["GET /config/a"] = answer(200, "{\r\n\t\"b\": 1\r\n}\r\n", "ETag: \"e1\"\r\n");
        replies_["PUT /config/a"] = answer(200, kDoneText);
        setEditor("sed -i 's/1/2/' \"$1\"");
        check(run({"config", "edit", "/a"}), kDone, "Reconfiguration done.\n");
        CPPUNIT_ASSERT(lastRequest().find("\r\nIf-Match: \"e1\"\r\n") != std::string::npos);
        CPPUNIT_ASSERT(lastRequest().ends_with("\r\n\r\n{\n\t\"b\": 2\n}\n"));
        CPPUNIT_ASSERT(keptTexts().empty());
    }

    void testEditUnchanged()
    {
        replies_["GET /config "] = answer(200, "{}");
        for (const char *script : {"true", ": >\"$1\""}) {
            setEditor(script);
            check(run({"config", "edit"}), kDone, "Nothing was changed.\n");
        }
        CPPUNIT_ASSERT(keptTexts().empty());
        CPPUNIT_ASSERT(lastRequest().starts_with("GET "));
    }

    void testEditAgain()
    {
        replies_["GET /config "] = answer(200, "{}");
        replies_["PUT /config "] =
            answer(400, R"({"error": "Invalid configuration.", "detail": "Odd."})");
        setEditor("echo '// again' >>\"$1\"");
        const Outcome outcome = run({"config", "edit"}, "y\nn\n");
        CPPUNIT_ASSERT_EQUAL(+kRefused, outcome.code);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, server_.requests().size());
        CPPUNIT_ASSERT(outcome.err.starts_with(
            "patchbayctl: Invalid configuration.\n  Odd.\nEdit it again? [Y/n] "));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, keptTexts().size());
        CPPUNIT_ASSERT_EQUAL(std::string("{}// again\n// again\n"), keptTexts()[0]);
    }

    void testEditKeepsTheText()
    {
        replies_["GET /config "] = answer(200, "{}", "ETag: \"e1\"\r\n");
        setEditor("echo '{\"a\": 1}' >\"$1\"");
        replies_["PUT /config "] = answer(412, R"({"error": "The configuration has changed."})");
        const Outcome changed = run({"config", "edit"}, "y\n");
        CPPUNIT_ASSERT_EQUAL(+kRefused, changed.code);
        CPPUNIT_ASSERT(changed.err.starts_with(
            "patchbayctl: The configuration has changed.\nSomebody has changed it since you "
            "began: edit it anew.\npatchbayctl: your text is in " +
            dir_ / "tmp/patchbay-"));
        replies_["PUT /config "] = ""; // the router dies
        CPPUNIT_ASSERT_EQUAL(+kNoAnswer, run({"config", "edit"}).code);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, keptTexts().size());
        for (const auto &entry : std::filesystem::directory_iterator(dir_ / "tmp")) {
            struct stat file {};
            CPPUNIT_ASSERT_EQUAL(0, ::stat(entry.path().c_str(), &file));
            CPPUNIT_ASSERT_EQUAL(mode_t{0600}, file.st_mode & 0777);
        }
    }

    void testEditorFails()
    {
        replies_["GET /config "] = answer(200, "{}");
        setEditor("exit 3");
        const Outcome outcome = run({"config", "edit"});
        CPPUNIT_ASSERT_EQUAL(+kRefused, outcome.code);
        CPPUNIT_ASSERT(outcome.err.ends_with("failed; nothing was changed\n"));
        CPPUNIT_ASSERT(keptTexts().empty());
    }

    void testImport()
    {
        std::filesystem::create_directories(dir_ / "unit/certs");
        std::filesystem::create_directories(dir_ / "unit/scripts");
        test::writeFile(dir_ / "unit/conf.json", R"({"listeners":{}})");
        test::writeFile(dir_ / "unit/version", "12500\n");
        for (const char *name : {"certs/a%2Fb", "certs/bad", "certs/old", "scripts/x.js"}) {
            test::writeFile(dir_ / "unit/" + name, std::string("PEM ") + name);
        }
        replies_["PUT /certificates/a%2Fb"] = answer(200, R"({"success": ""})");
        replies_["PUT /certificates/bad"] = answer(400, R"({"error": "Invalid certificate."})");
        replies_["PUT /certificates/old"] =
            answer(400, R"({"error": "Certificate already exists."})");
        replies_["GET /config "] = answer(200, R"({"listeners": {}})");
        replies_["PUT /config "] = answer(200, kDoneText);
        check(run({"import-unit", (dir_ / "unit").c_str()}), kDegraded,
              "certificate \"a%2Fb\": uploaded\n"
              "certificate \"old\": is there already, skipped\n"
              "configuration: taken over\n",
              "patchbayctl: the change of \"share\" values: not taken over: Unit before 1.26 wrote "
              "them without $uri: append it to each\n"
              "patchbayctl: certificate \"bad\": not taken over: Invalid certificate.\n"
              "patchbayctl: script \"x.js\": not taken over: Patchbay runs no JavaScript modules\n"
              "It replaced the one that was there; \"patchbayctl rollback\" brings that back.\n");
        const std::string upload = server_.requests()[0];
        CPPUNIT_ASSERT_MESSAGE(upload, upload.ends_with("\r\n\r\nPEM certs/a%2Fb"));
        CPPUNIT_ASSERT(lastRequest().ends_with("\r\n\r\n{\"listeners\":{}}"));
    }

    void testImportRefused()
    {
        std::filesystem::create_directories(dir_ / "unit");
        test::writeFile(dir_ / "unit/conf.json", R"({"routes":[]})");
        replies_["GET /config "] = answer(200, "{}");
        replies_["PUT /config "] = answer(400, R"({"error": "Invalid configuration.",
            "detail": "No routes.", "pointer": "/routes"})");
        const Outcome outcome = run({"import-unit", (dir_ / "unit").c_str()});
        const std::string file = dir_ / "unit/conf.json";
        check(outcome, kRefused, "",
              "patchbayctl: Invalid configuration.\n  " + file +
                  ":1:2: /routes: No routes.\nThe configuration was not taken over. Correct a "
                  "copy of " +
                  file + " and send it: patchbayctl config set / @COPY\n");
        replies_["PUT /config "] = answer(200, kDoneText);
        check(run({"import-unit", (dir_ / "unit").c_str()}), kDone, "configuration: taken over\n");
    }

    void testImportOfNothing()
    {
        const Outcome outcome = run({"import-unit", (dir_ / "none").c_str()});
        CPPUNIT_ASSERT_EQUAL(+kRefused, outcome.code);
        CPPUNIT_ASSERT(
            outcome.err.starts_with("patchbayctl: there is no " + dir_ / "none/conf.json"));
        CPPUNIT_ASSERT(server_.requests().empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CommandTest);
