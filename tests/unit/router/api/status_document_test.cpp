// The whole of /status for a small world, exactly; and what applications and listeners that do not
// run look like in it.
#include "fake_world.hpp"

#include "router/api/status_document.hpp"
#include "json/edit.hpp"
#include "json/writer.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <regex>

namespace {

using namespace patchbay;
using namespace patchbay::api;
using namespace patchbay::control;
using namespace patchbay::control::test;

const std::string kConfig =
    R"({"listeners":{"*:80":{"pass":"applications/a"},"127.0.0.1:81":{"pass":"applications/a"}},)"
    R"("applications":{"a":{"type":"python","module":"a"},"b":{"type":"python","module":"b"}}})";

class StatusDocumentTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(StatusDocumentTest);
    CPPUNIT_TEST(beforeTheFirstConfiguration);
    CPPUNIT_TEST(theWholeDocument);
    CPPUNIT_TEST(requestsAndWaits);
    CPPUNIT_TEST(severalVersionsOfALanguage);
    CPPUNIT_TEST(whatDoesNotRun);
    CPPUNIT_TEST(whatLacksItsModule);
    CPPUNIT_TEST(whatIsNotStored);
    CPPUNIT_TEST(whatDiffersFromTheFiles);
    CPPUNIT_TEST(generationsAreSummed);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        world_ = std::make_unique<World>();
        make("");
    }
    void tearDown() override
    {
        service_.reset();
        CPPUNIT_ASSERT(world_->shutDown());
        world_.reset();
    }

    void beforeTheFirstConfiguration()
    {
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"({"modules":{"python":{"version":"3.11.2","lib":"/m/runtime.so"}},)"
                        R"("connections":{"accepted":0,"active":0,"idle":0,"closed":0},)"
                        R"("requests":{"total":0},"applications":{},"listeners":{},)"
                        R"("configuration":{"source":"api","generation":0,"applied":"TIME",)"
                        R"("stored":true,"drift":[]},"generations":[]})"),
            status());
    }

    void theWholeDocument()
    {
        begin(kConfig);
        const std::string application =
            R"({"processes":{"running":1,"starting":0,"idle":0,"started":1,"died":0},)"
            R"("requests":{"active":0,"total":0,"queued":0,"wait":{"count":0,"milliseconds":0},)"
            R"("failed":{"unavailable":0,"worker_died":0,"bad_reply":0,"queue_full":0,)"
            R"("queue_time":0,"unsendable":0,"timeout":0},"client_gone":0},"state":"ok"})";
        for (FakeEngine *engine : world_->engineLog.alive) {
            engine->totals.accepted = 10;
            engine->totals.closed = 7;
            engine->totals.active = 1;
            engine->totals.idle = 2;
            engine->totals.requests = 21;
        }
        use_ = {{1, 2, 3, 4}};
        auto times = [&](int count) {
            return std::to_string(static_cast<int>(world_->engineLog.alive.size()) * count);
        };
        CPPUNIT_ASSERT_EQUAL(
            R"({"modules":{"python":{"version":"3.11.2","lib":"/m/runtime.so"}},"connections":)"
            R"({"accepted":)" +
                times(10) + R"(,"active":)" + times(1) + R"(,"idle":)" + times(2) +
                R"(,"closed":)" + times(7) + R"(},"requests":{"total":)" + times(21) +
                R"(},"applications":{"a":)" + application + R"(,"b":)" + application +
                R"(},"listeners":{"*:80":{"state":"open"},"127.0.0.1:81":{"state":"open"}},)"
                R"("configuration":{"source":"api","generation":1,"applied":"TIME","stored":true,)"
                R"("drift":[],"left_out":[]},"generations":[{"id":1,"age":AGE,"bindings":2,"connections":3,)"
                R"("requests":4,"current":true}]})",
            status());
    }

    void requestsAndWaits()
    {
        begin(kConfig);
        app::Application &application = *world_->current()->applications.at(0);
        application.inFlight = 5;
        application.bindings = 2;
        application.requests = 11;
        application.taken = 3;
        application.waitMicroseconds = 4999;
        application.unavailable = 1;
        application.workerDied = 2;
        application.badReply = 3;
        application.refusedFull = 4;
        application.refusedLate = 5;
        application.unsendable = 6;
        application.timedOut = 8;
        application.clientGone = 7;
        CPPUNIT_ASSERT_EQUAL(
            std::string(
                R"({"active":3,"total":11,"queued":0,"wait":{"count":3,"milliseconds":4},)"
                R"("failed":{"unavailable":1,"worker_died":2,"bad_reply":3,)"
                R"("queue_full":4,"queue_time":5,"unsendable":6,"timeout":8},"client_gone":7})"),
            status({"applications", "a", "requests"}));
        application.inFlight = 0;
        application.bindings = 0;
    }

    void severalVersionsOfALanguage()
    {
        modules::ModuleInfo other = catalog_.modules.back();
        other.version = "3.12.0";
        other.file = "/m/other.so";
        catalog_.modules.push_back(other);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"python":[{"version":"3.11.2","lib":"/m/runtime.so"},)"
                                         R"({"version":"3.12.0","lib":"/m/other.so"}]})"),
                             status({"modules"}));
    }

    void whatDoesNotRun()
    {
        world_->faults.sockets["0.0.0.0:80"] = EADDRINUSE;
        world_->faults.workerFails = true;
        begin(kConfig);
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"({"*:80":{"state":"failed","errno":"EADDRINUSE",)"
                        R"("message":"Address already in use"},"127.0.0.1:81":{"state":"open"}})"),
            status({"listeners"}));
        CPPUNIT_ASSERT_EQUAL(std::string(R"("down")"), status({"applications", "a", "state"}));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"message":"no module named \"nosuch\"","output":""})"),
                             status({"applications", "a", "failure"}));
    }

    void whatLacksItsModule()
    {
        begin(R"({"listeners":{"tls:*:443":{"pass":"applications/a"}},
                  "applications":{"a":{"type":"perl"}}})");
        const std::string advice =
            " Install what it needs and reload, or remove it from the configuration.";
        const std::string listener =
            "The module to open the listener \\\"tls:*:443\\\" is not found "
            "among the available listener modules." +
            advice;
        const std::string application =
            "The module to run \\\"perl\\\" is not found among the available application modules. "
            "(is the package \\\"patchbay-perl\\\" installed?)" +
            advice;
        CPPUNIT_ASSERT_EQUAL(R"([{"pointer":"/listeners/tls:*:443","message":")" + listener +
                                 R"("},{"pointer":"/applications/a","message":")" + application +
                                 R"("}])",
                             status({"configuration", "left_out"}));
        CPPUNIT_ASSERT_EQUAL(R"({"tls:*:443":{"state":"failed","message":")" + listener + R"("}})",
                             status({"listeners"}));
        CPPUNIT_ASSERT_EQUAL(std::string(R"("down")"), status({"applications", "a", "state"}));
        CPPUNIT_ASSERT_EQUAL(R"({"message":")" + application + R"(","output":""})",
                             status({"applications", "a", "failure"}));
    }

    void whatIsNotStored()
    {
        world_->keeper.storeFailure = {ENOSPC, "conf.json: no space"};
        begin(kConfig);
        CPPUNIT_ASSERT_EQUAL(std::string(R"("conf.json: no space")"),
                             status({"configuration", "stored"}));
    }

    void whatDiffersFromTheFiles()
    {
        make("/etc/main.json");
        const std::string text = R"({"settings":{"control":{"edits":"allow"}}})";
        world_->keeper.files = {{"main.json", text}};
        service_->begin(ipc::ConfigOrigin::file, world_->keeper.files, 0);
        service_->edit(
            [](json::Value &root) {
                json::put(root, {"applications"}, json::Value::object());
                json::put(root, {"settings", "listen_threads"}, json::Value::integer(1));
            },
            "", {0, "api"}, false);
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"({"source":"file","file":"/etc/main.json","generation":2,)"
                        R"("applied":"TIME","stored":true,)"
                        R"("drift":["/settings/listen_threads","/applications"],"left_out":[]})"),
            status({"configuration"}));
    }

    void generationsAreSummed()
    {
        begin(kConfig);
        config::SnapshotPtr pin = world_->current();
        begin("{}");
        use_ = {{1, 2, 3, 4}, {99, 1, 1, 1}}; // nobody knows that one any more
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"([{"id":1,"age":AGE,"bindings":2,"connections":3,"requests":4,)"
                        R"("current":false},{"id":2,"age":AGE,"bindings":0,"connections":0,)"
                        R"("requests":0,"current":true}])"),
            status({"generations"}));
    }

private:
    void make(const std::string &file)
    {
        service_ =
            std::make_unique<ConfigService>(world_->loop, world_->controller, world_->keeper, file);
    }
    void begin(const std::string &text)
    {
        service_->begin(ipc::ConfigOrigin::stored, {{"conf.json", text}}, 0);
    }
    // One part of it, compact; times and ages are not shown.
    std::string status(const json::Path &path = {})
    {
        json::Value all = statusDocument({catalog_, *service_, world_->controller, world_->spawner,
                                          world_->engines.totals(), use_});
        const json::Value *part = json::at(all, path);
        CPPUNIT_ASSERT(part != nullptr);
        std::string text = json::writeCompact(*part);
        text = std::regex_replace(text, std::regex("\"age\":[0-9]+"), "\"age\":AGE");
        return std::regex_replace(text, std::regex("\"[0-9-]{10}T[0-9:]{8}Z\""), "\"TIME\"");
    }

    std::unique_ptr<World> world_;
    modules::Catalog catalog_ = makeCatalog();
    std::unique_ptr<ConfigService> service_;
    std::vector<config::GenerationUse> use_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(StatusDocumentTest);

} // namespace
