// Which path and method is answered how, with everything behind it faked; changes as jobs.
#include "fake_world.hpp"

#include "router/api/resources.hpp"
#include "json/reader.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <optional>

namespace {

using namespace patchbay;
using namespace patchbay::api;
using namespace patchbay::control;
using namespace patchbay::control::test;

const std::string kApp = R"({"applications":{"a":{"type":"python","module":"a"}}})";
const std::string kDone = "{\r\n\t\"success\": \"Reconfiguration done.\"\r\n}\r\n";
const std::string kNoValue = "{\r\n\t\"error\": \"Value doesn't exist.\"\r\n}\r\n";
const std::string kInvalidMethod = "{\r\n\t\"error\": \"Invalid method.\"\r\n}\r\n";
const std::string kNotAllowed = "{\r\n\t\"error\": \"Method isn't allowed.\"\r\n}\r\n";

class ResourcesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ResourcesTest);
    CPPUNIT_TEST(everyPathHasItsMethods);
    CPPUNIT_TEST(theOverviewHasTheParts);
    CPPUNIT_TEST(readsAreAnsweredWhileChangesWait);
    CPPUNIT_TEST(changesAreMadeInTheirOrder);
    CPPUNIT_TEST(whatIsShownDuringAChange);
    CPPUNIT_TEST(tagsGuardAgainstLostUpdates);
    CPPUNIT_TEST(mergePatches);
    CPPUNIT_TEST(aDryRunChangesNothing);
    CPPUNIT_TEST(aClientNeedNotWait);
    CPPUNIT_TEST(degradedApplicationsAreNamed);
    CPPUNIT_TEST(aRestartThatFailsSaysWhy);
    CPPUNIT_TEST(historyIsListedAndRestored);
    CPPUNIT_TEST(longNamesAreNoTrouble);
    CPPUNIT_TEST(failuresBehindItAreAnswered);
    CPPUNIT_TEST(readiness);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        world_ = std::make_unique<World>();
        make("");
    }
    void tearDown() override
    {
        resources_.reset();
        service_.reset();
        CPPUNIT_ASSERT(world_->shutDown());
        world_.reset();
    }

    void everyPathHasItsMethods()
    {
        struct Case {
            const char *methods; // each with its status: "GET 200, * 405"
            const char *path;
            std::string body; // of the last one
        };
        const Case cases[] = {
            {"POST 405, PUT 405, DELETE 405", "/", kInvalidMethod},
            {"GET 404, PUT 404", "/configx", kNoValue},
            {"GET 404, POST 404", "/control", kNoValue},
            {"GET 404, POST 404", "/control/nosuch", kNoValue},
            {"GET 404", "/control/reload/x", kNoValue},
            {"GET 404", "/control/applications", kNoValue},
            {"GET 404", "/control/applications/a/restart/x", kNoValue},
            {"POST 404, GET 404", "/control/applications/nosuch/restart", kNoValue},
            {"PUT 405, DELETE 405", "/control/applications/a/restart", kNotAllowed},
            {"GET 405, PUT 405", "/control/reload", kNotAllowed},
            {"PUT 405, POST 405", "/control/history", kNotAllowed},
            {"DELETE 405", "/control/history/1", kNotAllowed},
            {"GET 404", "/control/history/x", kNoValue},
            {"GET 404", "/control/history/7", kNoValue},
            {"GET 404", "/control/history/1/x", kNoValue},
            {"GET 405", "/control/history/1/restore", kNotAllowed},
            {"POST 404", "/control/history/x/restore", kNoValue},
            {"POST 404", "/control/history/7/restore", kNoValue},
            {"PUT 405", "/status", kInvalidMethod},
            {"GET 404", "/status/nosuch", "{\r\n\t\"error\": \"Invalid path.\"\r\n}\r\n"},
            {"GET 200", "/status/requests/total", "0\r\n"},
            {"PUT 405, POST 405", "/schema", kInvalidMethod},
            {"GET 404", "/schema/x", kNoValue},
            {"GET 404", "/healthz/x", kNoValue},
            {"GET 200", "/healthz", "{\r\n\t\"success\": \"Ok\"\r\n}\r\n"},
            {"POST 405", "/healthz", kInvalidMethod},
            {"POST 405", "/jobs/1", kInvalidMethod},
            {"GET 404", "/jobs/1", kNoValue},
            {"GET 404", "/jobs", kNoValue},
            {"GET 404", "/jobs/1/x", kNoValue},
            {"POST 405, GET 200", "/certificates", "{}\r\n"},
            {"PUT 400, DELETE 400", "/certificates",
             "{\r\n\t\"error\": \"Invalid certificate name.\"\r\n}\r\n"},
            {"GET 404", "/certificates/x",
             "{\r\n\t\"error\": \"Certificate doesn't exist.\"\r\n}\r\n"},
            {"POST 405, PATCH 405, HEAD 405, OPTIONS 405", "/config", kNotAllowed},
            {"GET 404, DELETE 404", "/config/nosuch", kNoValue},
            {"PUT 404, POST 404", "/config/nosuch/x", kNoValue},
            {"POST 405", "/config/applications", kNotAllowed},
            {"GET 200", "/config/applications/", "{}\r\n"},
            {"GET 200", "/config/routes", "[]\r\n"},
            {"DELETE 200", "/config", kDone},
            {"GET 200", "/config", "{}\r\n"},
        };
        for (const Case &one : cases) {
            std::string methods = one.methods;
            Answer answer;
            for (std::size_t at = 0; at < methods.size();) {
                std::size_t space = methods.find(' ', at);
                std::string method = methods.substr(at, space - at);
                answer = ask(method, one.path, "1");
                CPPUNIT_ASSERT_EQUAL_MESSAGE(
                    method + ' ' + one.path,
                    static_cast<unsigned>(std::stoi(methods.substr(space))), answer.status);
                at = space + 6;
            }
            CPPUNIT_ASSERT_EQUAL_MESSAGE(one.path, one.body, answer.body);
        }
        CPPUNIT_ASSERT(ask("GET", "/schema").body.find("json-schema.org") != std::string::npos);
    }

    void theOverviewHasTheParts()
    {
        json::Value all = json::read(ask("GET", "/").body);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, all.members().size());
        CPPUNIT_ASSERT_EQUAL(std::string("certificates"), all.members()[0].name);
        CPPUNIT_ASSERT_EQUAL(std::string("config"), all.members()[1].name);
        CPPUNIT_ASSERT_EQUAL(std::string("status"), all.members()[2].name);
        CPPUNIT_ASSERT(all.find("status")->find("connections") != nullptr);
    }

    void readsAreAnsweredWhileChangesWait()
    {
        std::optional<Answer> changed;
        begin(changed, "PUT", "/config", kApp);
        std::optional<Answer> read;
        begin(read, "GET", "/config/applications");
        CPPUNIT_ASSERT(!changed.has_value());
        CPPUNIT_ASSERT_EQUAL(std::string("{}\r\n"), read.value().body);
        runJobs();
        CPPUNIT_ASSERT_EQUAL(kDone, changed.value().body);
    }

    void changesAreMadeInTheirOrder()
    {
        std::optional<Answer> answers[3];
        begin(answers[0], "PUT", "/config", kApp);
        begin(answers[1], "PUT", "/config/applications/a/processes", "2");
        begin(answers[2], "DELETE", "/config/applications/a/processes");
        runJobs();
        for (const std::optional<Answer> &answer : answers) {
            CPPUNIT_ASSERT_EQUAL(kDone, answer.value().body);
        }
        CPPUNIT_ASSERT_EQUAL(kApp, world_->keeper.activations.back().text);
    }

    // A change waits inside the loop, from where reads are answered: by what is in effect.
    void whatIsShownDuringAChange()
    {
        ask("PUT", "/config", kApp);
        std::string tag = ask("GET", "/config").tag;
        world_->engineLog.holdSwitch = true;
        std::optional<Answer> changed, read, status, ready, another;
        begin(changed, "DELETE", "/config");
        world_->loop.post([&] {
            begin(read, "GET", "/config/applications/a/module");
            begin(status, "GET", "/status/configuration/generation");
            begin(ready, "GET", "/readyz");
            begin(another, "PUT", "/config/settings", "{}");
        });
        std::optional<Answer> generations;
        auto release = [&] {
            CPPUNIT_ASSERT(!changed.has_value());
            world_->engineLog.holdSwitch = false;
            for (FakeEngine *engine : world_->engineLog.alive) {
                for (const EnginePort::Done &done : std::exchange(engine->held, {})) {
                    done();
                }
            }
        };
        world_->loop.post([&] { world_->loop.post(release); });
        runJobs();
        CPPUNIT_ASSERT_EQUAL(std::string("\"a\"\r\n"), read.value().body);
        CPPUNIT_ASSERT_EQUAL(tag, read->tag);
        CPPUNIT_ASSERT_EQUAL(std::string("1\r\n"), status.value().body);
        CPPUNIT_ASSERT_EQUAL(200U, ready.value().status);
        CPPUNIT_ASSERT_EQUAL(kDone, changed.value().body);
        CPPUNIT_ASSERT_EQUAL(kDone, another.value().body); // made after it, not within it
        CPPUNIT_ASSERT_EQUAL(std::string("{\"settings\":{}}"),
                             world_->keeper.activations.back().text);
    }

    void tagsGuardAgainstLostUpdates()
    {
        ask("PUT", "/config", kApp);
        Request request = requestOf("PUT", "/config/applications/a/processes", "2");
        request.ifMatch = ask("GET", "/config/applications").tag;
        CPPUNIT_ASSERT_EQUAL(200U, ask(request).status);
        Answer late = ask(request);
        CPPUNIT_ASSERT_EQUAL(412U, late.status);
        CPPUNIT_ASSERT_EQUAL(
            std::string("{\r\n\t\"error\": \"The configuration has changed.\"\r\n}\r\n"),
            late.body);
        request.ifMatch = "\"other\", " + ask("GET", "/config").tag;
        CPPUNIT_ASSERT_EQUAL(200U, ask(request).status);
    }

    void mergePatches()
    {
        ask("PUT", "/config", kApp);
        Request request = requestOf("PATCH", "/config/applications/a", R"({"processes":2})");
        CPPUNIT_ASSERT_EQUAL(405U, ask(request).status);
        request.contentType = "application/merge-patch+json";
        CPPUNIT_ASSERT_EQUAL(kDone, ask(request).body);
        CPPUNIT_ASSERT_EQUAL(std::string("2\r\n"),
                             ask("GET", "/config/applications/a/processes").body);
        request =
            requestOf("PATCH", "/config", R"({"applications":null,"settings":{"http":null}})");
        request.contentType = "application/merge-patch+json";
        CPPUNIT_ASSERT_EQUAL(kDone, ask(request).body);
        CPPUNIT_ASSERT_EQUAL(std::string("{\r\n\t\"settings\": {}\r\n}\r\n"),
                             ask("GET", "/config").body);
    }

    void aDryRunChangesNothing()
    {
        ask("PUT", "/config", kApp);
        std::size_t stored = world_->keeper.activations.size();
        Answer answer = ask("PUT", "/config/applications/a/module?dry_run=1", "\"b\"");
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"({"success": "Configuration is valid.", "plan": {"applications": )"
                        R"({"start": ["a"], "retire": ["a"], "keep": [], "restart": ["a"]}, )"
                        R"("listeners": {"open": [], "close": [], "keep": [], "change": []}}, )"
                        R"("changed": [{"pointer": "/applications/a/module", "before": "a", )"
                        R"("after": "b"}]})"),
            flat(answer.body));
        CPPUNIT_ASSERT_EQUAL(400U, ask("PUT", "/config/listeners?dry_run=1", "1").status);
        CPPUNIT_ASSERT_EQUAL(stored, world_->keeper.activations.size());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, world_->controller.generation());
    }

    void aClientNeedNotWait()
    {
        Request request = requestOf("PUT", "/config", kApp);
        request.prefer = "wait=1, respond-async";
        std::optional<Answer> accepted;
        begin(accepted, request);
        CPPUNIT_ASSERT_EQUAL(202U, accepted.value().status);
        CPPUNIT_ASSERT_EQUAL(std::string("{\r\n\t\"job\": \"/jobs/1\"\r\n}\r\n"), accepted->body);
        CPPUNIT_ASSERT_EQUAL(202U, ask("GET", "/jobs/1", "", false).status);
        runJobs();
        CPPUNIT_ASSERT_EQUAL(kDone, ask("GET", "/jobs/1").body);
        request.body = "{";
        CPPUNIT_ASSERT_EQUAL(400U, ask(request).status); // known at once
        request.body = R"({"listeners":1})";
        CPPUNIT_ASSERT_EQUAL(std::string("{\r\n\t\"job\": \"/jobs/2\"\r\n}\r\n"),
                             ask(request).body);
        CPPUNIT_ASSERT_EQUAL(400U, ask("GET", "/jobs/2").status);
    }

    void degradedApplicationsAreNamed()
    {
        make("main.json");
        world_->keeper.files = {{"main.json", kApp}};
        service_->begin(ipc::ConfigOrigin::file, world_->keeper.files, 0);
        world_->keeper.files[0].text = R"({"applications":{"a":{"type":"python","module":"b"}}})";
        world_->faults.workerFails = true;
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"({"success": "Reconfiguration done.", "degraded": ["a"]})"),
            flat(ask("POST", "/control/reload").body));
        CPPUNIT_ASSERT_EQUAL(std::string("\"degraded\"\r\n"),
                             ask("GET", "/status/applications/a/state").body);
        CPPUNIT_ASSERT_EQUAL(std::string("\"no module named \\\"nosuch\\\"\"\r\n"),
                             ask("GET", "/status/applications/a/failure/message").body);
        CPPUNIT_ASSERT_EQUAL(409U, ask("DELETE", "/config").status);
    }

    void aRestartThatFailsSaysWhy()
    {
        ask("PUT", "/config", kApp);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"success": "Ok"})"),
                             flat(ask("GET", "/control/applications/a/restart").body));
        world_->faults.workerFails = true;
        Answer answer = ask("POST", "/control/applications/a/restart");
        CPPUNIT_ASSERT_EQUAL(500U, answer.status);
        CPPUNIT_ASSERT(
            flat(answer.body)
                .starts_with(
                    R"({"error": "Failed to restart app.", "detail": "Application \"a\" cannot be started)"));
    }

    void historyIsListedAndRestored()
    {
        ask("PUT", "/config", kApp);
        ask("DELETE", "/config");
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"applications": {"a": {"type": "python", )"
                                         R"("module": "a"}}})"),
                             flat(ask("GET", "/control/history/1").body));
        CPPUNIT_ASSERT_EQUAL(kDone, ask("POST", "/control/history/1/restore").body);
        CPPUNIT_ASSERT_EQUAL(kApp, world_->keeper.activations.back().text);
        CPPUNIT_ASSERT_EQUAL(std::string("rollback"), world_->keeper.activations.back().origin);
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"([{"id": 3, "time": "1970-01-01T00:00:03Z", "uid": null, )"
                        R"("origin": "rollback", "current": true}, {"id": 2, )"
                        R"("time": "1970-01-01T00:00:02Z", "uid": null, "origin": "api", )"
                        R"("current": false}, {"id": 1, "time": "1970-01-01T00:00:01Z", )"
                        R"("uid": null, "origin": "api", "current": false}])"),
            flat(ask("GET", "/control/history").body));
    }

    void longNamesAreNoTrouble()
    {
        const std::string name(100'000, 'n');
        std::string app = R"({"type":"python","module":"a"})";
        CPPUNIT_ASSERT_EQUAL(200U, ask("PUT", "/config", "{\"applications\":{}}").status);
        CPPUNIT_ASSERT_EQUAL(kDone, ask("PUT", "/config/applications/" + name, app).body);
        CPPUNIT_ASSERT_EQUAL(kDone,
                             ask("PUT", "/config/applications/" + name + "/processes", "2").body);
        CPPUNIT_ASSERT_EQUAL(200U, ask("GET", "/status/applications/" + name).status);
        CPPUNIT_ASSERT_EQUAL(kDone, ask("DELETE", "/config/applications/" + name).body);
    }

    void failuresBehindItAreAnswered()
    {
        world_->keeper.unreachable = true;
        Answer list = ask("GET", "/control/history");
        CPPUNIT_ASSERT_EQUAL(500U, list.status);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"error": "Internal error.", "detail": )"
                                         R"x("sendmsg() failed (24: Too many open files)"})x"),
                             flat(list.body));
        CPPUNIT_ASSERT_EQUAL(500U, ask("POST", "/control/history/1/restore").status);
    }

    void readiness()
    {
        CPPUNIT_ASSERT_EQUAL(503U, ask("GET", "/readyz").status);
        ask("PUT", "/config", "{}");
        CPPUNIT_ASSERT_EQUAL(200U, ask("GET", "/readyz").status);
        std::optional<Answer> waiting;
        begin(waiting, "PUT", "/config", kApp);
        jobs_.close();
        CPPUNIT_ASSERT(jobs_.empty());
        CPPUNIT_ASSERT_EQUAL(503U, ask("GET", "/readyz").status);
        CPPUNIT_ASSERT_EQUAL(503U, ask("PUT", "/config", kApp).status);
        CPPUNIT_ASSERT_EQUAL(200U, ask("GET", "/config").status);
        CPPUNIT_ASSERT_EQUAL(200U, ask("GET", "/healthz").status);
    }

private:
    void make(const std::string &file)
    {
        resources_.reset();
        certificates_ = std::make_unique<CertificateStore>(world_->loop, world_->keeper);
        service_ =
            std::make_unique<ConfigService>(world_->loop, world_->controller, world_->keeper, file);
        resources_ = std::make_unique<Resources>(
            Resources::Parts{jobs_, *service_, world_->controller, world_->keeper, world_->engines,
                             world_->spawner, *certificates_});
    }
    static Request requestOf(const std::string &method, const std::string &target,
                             const std::string &body = {})
    {
        Request request;
        request.method = method;
        request.body = body;
        CPPUNIT_ASSERT(parseTarget(target, request));
        return request;
    }
    void begin(std::optional<Answer> &answer, const Request &request)
    {
        resources_->handle(request, [&answer](Answer given) {
            CPPUNIT_ASSERT(!answer);
            answer = std::move(given);
        });
    }
    void begin(std::optional<Answer> &answer, const std::string &method, const std::string &target,
               const std::string &body = {})
    {
        begin(answer, requestOf(method, target, body));
    }
    void runJobs()
    {
        while (!jobs_.empty()) {
            jobs_.runOne();
        }
    }
    Answer ask(const Request &request, bool work = true)
    {
        std::optional<Answer> answer;
        begin(answer, request);
        if (work) {
            runJobs();
        }
        CPPUNIT_ASSERT(world_->until([&] { return answer.has_value(); }));
        return *answer;
    }
    Answer ask(const std::string &method, const std::string &target, const std::string &body = {},
               bool work = true)
    {
        return ask(requestOf(method, target, body), work);
    }
    // On one line: "{a, b}".
    static std::string flat(const std::string &text)
    {
        std::string out;
        for (char c : text) {
            if (c == '\n' && out.ends_with(',')) {
                out += ' ';
            } else if (c != '\r' && c != '\n' && c != '\t') {
                out += c;
            }
        }
        return out;
    }

    std::unique_ptr<World> world_;
    JobQueue jobs_;
    std::unique_ptr<ConfigService> service_;
    std::unique_ptr<CertificateStore> certificates_;
    std::unique_ptr<Resources> resources_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ResourcesTest);

} // namespace
