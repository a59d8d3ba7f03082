// Edits, reloads, rollbacks and what is kept of them; what happens to parts that do not run.
#include "fake_world.hpp"

#include "router/control/config_service.hpp"
#include "router/control/healer.hpp"
#include "json/edit.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using namespace patchbay;
using namespace patchbay::control;
using namespace patchbay::control::test;

const std::string kApp = R"({"applications":{"a":{"type":"python","module":"a"}}})";
const Author kRoot{0, "api"};

class ConfigServiceTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ConfigServiceTest);
    CPPUNIT_TEST(beforeTheFirstChangeThereIsAnEmptyDocument);
    CPPUNIT_TEST(anEditIsStoredAndTagged);
    CPPUNIT_TEST(aWrongTagChangesNothing);
    CPPUNIT_TEST(aFailureToStoreIsAWarning);
    CPPUNIT_TEST(filesRefuseEditsUnlessTheyAllowThem);
    CPPUNIT_TEST(driftIsSeenAndAReloadEndsIt);
    CPPUNIT_TEST(secretsAreResolvedAndNeverEchoed);
    CPPUNIT_TEST(aVersionComesBack);
    CPPUNIT_TEST(aRestartGivesNewWorkersAndAFailedOneKeepsTheOld);
    CPPUNIT_TEST(aReloadKeepsTheOldVersionOfWhatFailsAndHeals);
    CPPUNIT_TEST(anotherModuleGivesNewWorkersAndAFailedOneKeepsTheOld);
    CPPUNIT_TEST(aModuleThatIsGoneTakesNothingThatRuns);
    CPPUNIT_TEST(aChangedConfigurationNeedsItsModules);
    CPPUNIT_TEST(aStartDoesWithoutWhatLacksItsModule);
    CPPUNIT_TEST(whatLacksItsModuleMustBeRightElse);
    CPPUNIT_TEST(whatCannotBeLoadedAtAStartIsTriedAgain);
    CPPUNIT_TEST(aReloadThatCannotSeeTheModulesIsRefused);
    CPPUNIT_TEST(anEditWithAFailingApplicationIsRefused);
    CPPUNIT_TEST(aStoredListenerThatCannotOpenIsRetried);
    CPPUNIT_TEST(anEditIsNotRefusedForWhatFailedBefore);
    CPPUNIT_TEST(atTheEndNothingIsHealed);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { world_ = std::make_unique<World>(); }
    void tearDown() override
    {
        service_.reset();
        CPPUNIT_ASSERT(world_->shutDown());
        world_.reset();
    }

    void beforeTheFirstChangeThereIsAnEmptyDocument()
    {
        api();
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"listeners":{},"routes":[],"applications":{}})"),
                             declared());
        service_->begin(ipc::ConfigOrigin::stored, {}, 0);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"listeners":{},"routes":[],"applications":{}})"),
                             declared());
        CPPUNIT_ASSERT(!world_->keeper.activations.at(0).store);
    }

    void anEditIsStoredAndTagged()
    {
        api();
        put("/", kApp);
        CPPUNIT_ASSERT_EQUAL(kApp, world_->keeper.activations.back().text);
        CPPUNIT_ASSERT(world_->keeper.activations.back().store);
        std::string tag = service_->tag();
        CPPUNIT_ASSERT_EQUAL(std::string("\"\""), tag.substr(0, 1) + tag.substr(17));
        service_->edit([](json::Value &) {}, tag, kRoot, false);
        CPPUNIT_ASSERT_EQUAL(tag, service_->tag());
        put("applications/a/processes", "2");
        CPPUNIT_ASSERT(tag != service_->tag());
    }

    void aWrongTagChangesNothing()
    {
        api();
        put("/", kApp);
        std::uint64_t generation = world_->controller.generation();
        failsWith(EditError::Kind::conflict, [&] {
            service_->edit([](json::Value &root) { root = json::Value::object(); }, "\"other\"",
                           kRoot, false);
        });
        CPPUNIT_ASSERT_EQUAL(generation, world_->controller.generation());
    }

    void aFailureToStoreIsAWarning()
    {
        api();
        world_->keeper.storeFailure = {ENOSPC, "/state/conf.json: no space"};
        CPPUNIT_ASSERT_EQUAL(std::string("The configuration is active but could not be stored: "
                                         "No space left on device."),
                             put("/", kApp).warning);
        CPPUNIT_ASSERT_EQUAL(std::string("/state/conf.json: no space"), service_->storeError());
        world_->keeper.storeFailure = {};
        std::uint64_t generation = world_->controller.generation();
        healed(); // the disk has room again
        CPPUNIT_ASSERT_EQUAL(generation, world_->controller.generation());
        CPPUNIT_ASSERT_EQUAL(kApp, world_->keeper.activations.back().text);
        CPPUNIT_ASSERT_EQUAL(std::string("api"), world_->keeper.activations.back().origin);
        world_->keeper.unreachable = true; // what is in effect cannot be called a failure any more
        CPPUNIT_ASSERT_EQUAL(std::string("The configuration is active but could not be stored: "
                                         "Too many open files."),
                             put("applications/a/processes", "3").warning);
        CPPUNIT_ASSERT(declared().find("\"processes\":3") != std::string::npos);
    }

    void filesRefuseEditsUnlessTheyAllowThem()
    {
        files(kApp);
        failsWith(EditError::Kind::fromFiles, [&] { put("applications/a/processes", "2"); });
        CPPUNIT_ASSERT(service_->edit([](json::Value &) {}, "", kRoot, true).plan.has_value());
        world_->keeper.files[0].text = R"({"settings":{"control":{"edits":"allow"}}})";
        service_->reload(kRoot.uid, false);
        put("settings/listen_threads", "2");
    }

    void driftIsSeenAndAReloadEndsIt()
    {
        files(R"({"settings":{"control":{"edits":"allow"}}})");
        CPPUNIT_ASSERT(service_->drift().empty());
        put("settings/listen_threads", "2");
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, service_->drift().size());
        CPPUNIT_ASSERT_EQUAL(std::string("/settings/listen_threads"), service_->drift()[0]);
        service_->reload(kRoot.uid, false);
        CPPUNIT_ASSERT(service_->drift().empty());
    }

    void secretsAreResolvedAndNeverEchoed()
    {
        world_->keeper.secrets["/run/key"] = "s3cret\n";
        std::string text =
            R"({"applications":{"a":{"type":"python","module":"a","environment":{"K":"${file:/run/key}"}}}})";
        files(text);
        const ActiveConfig &active = *world_->controller.active();
        const std::string &key = active.snapshot->applications.at(0)->key().str();
        CPPUNIT_ASSERT_MESSAGE(key, key.find(R"("K":"s3cret")") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(text, declared());
        CPPUNIT_ASSERT_EQUAL(text, world_->keeper.activations.back().text);
        world_->keeper.secrets.clear();
        try {
            service_->reload(kRoot.uid, false);
            CPPUNIT_FAIL("reloaded without the file");
        } catch (const ConfigError &error) {
            std::string what = error.what();
            CPPUNIT_ASSERT_MESSAGE(what, what.find("/run/key") != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(what, what.starts_with("main.json:1:"));
        }
    }

    void aVersionComesBack()
    {
        api();
        put("/", kApp);
        put("/", "{}");
        service_->rollback(1, kRoot, false);
        CPPUNIT_ASSERT_EQUAL(kApp, declared());
        failsWith(EditError::Kind::notFound, [&] { service_->rollback(99, kRoot, false); });
    }

    void aRestartGivesNewWorkersAndAFailedOneKeepsTheOld()
    {
        api();
        put("/", kApp);
        auto before = world_->main.pids("a");
        service_->restart("a", kRoot);
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 1; }));
        auto after = world_->main.pids("a");
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, after.size());
        CPPUNIT_ASSERT(before != after);
        world_->faults.workerFails = true;
        CPPUNIT_ASSERT_THROW(service_->restart("a", kRoot), ConfigError);
        world_->faults.workerFails = false;
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 1; }));
        CPPUNIT_ASSERT(after == world_->main.pids("a"));
        failsWith(EditError::Kind::notFound, [&] { service_->restart("nosuch", kRoot); });
    }

    void aReloadKeepsTheOldVersionOfWhatFailsAndHeals()
    {
        files(kApp);
        app::Application *old = world_->current()->applications.at(0).get();
        world_->faults.workerFails = true;
        world_->keeper.files[0].text =
            R"({"settings":{"listen_threads":3},"applications":{"a":{"type":"python","module":"b"}}})";
        Outcome outcome = service_->reload(kRoot.uid, false);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, outcome.degraded.size());
        CPPUNIT_ASSERT(world_->current()->applications.at(0).get() == old);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, world_->engines.active()); // the rest is new
        CPPUNIT_ASSERT(!world_->controller.heal());
        world_->faults.workerFails = false;
        healed();
        CPPUNIT_ASSERT(world_->current()->applications.at(0).get() != old);
        CPPUNIT_ASSERT(world_->current()->applications.at(0)->running > 0);
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 1; }));
    }

    void anotherModuleGivesNewWorkersAndAFailedOneKeepsTheOld()
    {
        api();
        put("/", kApp);
        auto before = world_->main.pids("a");
        modules::Catalog found = makeCatalog();
        found.rejected = {"/m/other.so: is no module"};
        found.modules[3].stamp = "2";
        world_->keeper.manifest = modules::writeManifest(found);
        service_->reload(0, true);
        CPPUNIT_ASSERT(before == world_->main.pids("a"));
        CPPUNIT_ASSERT(world_->controller.catalog().rejected.empty());
        service_->reload(0, false);
        CPPUNIT_ASSERT(!world_->keeper.searchedAlways);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{77}, world_->keeper.activations.back().modules);
        CPPUNIT_ASSERT(!world_->keeper.activations.back().store); // the configuration is the same
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->controller.catalog().rejected.size());
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 1; }));
        auto after = world_->main.pids("a");
        CPPUNIT_ASSERT(after.size() == 1 && after != before);

        world_->keeper.manifest.clear(); // as it was
        service_->reload(0, false);
        CPPUNIT_ASSERT(world_->keeper.searchedAlways); // what was rejected may work by now
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, world_->keeper.activations.back().modules);
        CPPUNIT_ASSERT(after == world_->main.pids("a"));

        world_->faults.workerFails = true;
        found.modules[3].stamp = "3";
        world_->keeper.manifest = modules::writeManifest(found);
        Outcome outcome = service_->reload(0, false);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, outcome.degraded.size());
        world_->faults.workerFails = false;
        healed();
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 1; }));
        CPPUNIT_ASSERT(after != world_->main.pids("a"));
    }

    void aModuleThatIsGoneTakesNothingThatRuns()
    {
        api();
        put("/", stored());
        auto before = world_->main.pids("a");
        without("runtime.python");
        Outcome outcome = service_->reload(0, false);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, world_->controller.catalog().modules.size());
        CPPUNIT_ASSERT(before == world_->main.pids("a"));
        CPPUNIT_ASSERT(outcome.degraded == std::vector<std::string>{"a"});
        const LeftOut &out = outcome.leftOut.at(0);
        CPPUNIT_ASSERT_EQUAL(std::string("/applications/a"), out.pointer);
        CPPUNIT_ASSERT(out.serves && !out.passing);
        CPPUNIT_ASSERT_MESSAGE(out.message,
                               out.message.find("patchbay-python") != std::string::npos);

        put("settings", R"({"listen_threads":2})"); // what is not about it goes on
        CPPUNIT_ASSERT(before == world_->main.pids("a"));
        refusedFor("patchbay-python", [&] { put("applications/a/processes", "2"); });
        refusedFor("patchbay-python",
                   [&] { put("applications/b", R"({"type":"python","module":"b"})"); });
        refusedFor("patchbay-python", [&] { service_->restart("a", kRoot); });
        CPPUNIT_ASSERT(before == world_->main.pids("a"));

        world_->keeper.manifest = modules::writeManifest(makeCatalog());
        CPPUNIT_ASSERT(service_->reload(0, false).degraded.empty());
        CPPUNIT_ASSERT(world_->controller.active()->ailments.none());
        CPPUNIT_ASSERT(!world_->main.pids("a").empty());
    }

    void aChangedConfigurationNeedsItsModules()
    {
        files(stored());
        without("runtime.python");
        world_->keeper.files = {
            {"main.json", R"({"applications":{"a":{"type":"python","module":"a"}}})"}};
        refusedFor("patchbay-python", [&] { service_->reload(0, false); });
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, world_->controller.catalog().modules.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world_->current()->listeners.size());
    }

    // From a file as from what was stored.
    void aStartDoesWithoutWhatLacksItsModule()
    {
        for (ipc::ConfigOrigin origin : {ipc::ConfigOrigin::file, ipc::ConfigOrigin::stored}) {
            tearDown();
            setUp();
            make(origin == ipc::ConfigOrigin::file ? "main.json" : "");
            const std::string text = R"({"sinks":{"s":{"type":"lines","path":"/x"}},
                "listeners":{"*:80":{"pass":"applications/a"},"*:81":{"pass":"applications/b"},
                             "tls:*:443":{"pass":"applications/a","certificate":"x"}},
                "applications":{"a":{"type":"python","module":"a"},
                                "b":{"type":"perl","script":"b","processes":2}}})";
            world_->keeper.files = {{"main.json", text}};
            service_->begin(origin, world_->keeper.files, 0);
            const config::ConfigSnapshot &now = *world_->current();
            CPPUNIT_ASSERT_EQUAL(std::size_t{2}, now.listeners.size());
            CPPUNIT_ASSERT_EQUAL(std::size_t{2}, now.applications.size());
            const ApplicationPtr &left = now.applications[1];
            CPPUNIT_ASSERT(left == now.listeners[1].application);
            CPPUNIT_ASSERT_EQUAL(0U, left->running.load() + left->starting.load());
            CPPUNIT_ASSERT(now.applications[0]->running > 0);
            CPPUNIT_ASSERT_EQUAL(1, world_->main.prototypeStarts);
            std::string pointers;
            for (const LeftOut &out : world_->controller.active()->ailments.leftOut) {
                pointers += out.pointer + " ";
                CPPUNIT_ASSERT(!out.serves && !out.passing);
            }
            CPPUNIT_ASSERT_EQUAL(std::string("/listeners/tls:*:443 /sinks/s /applications/b "),
                                 pointers);

            modules::Catalog found = makeCatalog();
            const std::string any = R"({"type":"object","properties":{"script":{}}})";
            found.modules.push_back({"encoder.perl", PB_KIND_ENCODER, "1", "/m/e.so", any});
            found.modules.push_back({"runtime.perl", PB_KIND_RUNTIME, "5", "/m/r.so", any});
            world_->keeper.manifest = modules::writeManifest(found);
            service_->reload(0, false);
            CPPUNIT_ASSERT(world_->current()->applications[1]->running > 0);
            CPPUNIT_ASSERT_EQUAL(std::size_t{2},
                                 world_->controller.active()->ailments.leftOut.size());
        }
    }

    // The core's own options are checked all the same.
    void whatLacksItsModuleMustBeRightElse()
    {
        api();
        const std::string text = R"({"listeners":{"tls:*:443":{"pass":"applications/nosuch"}},
            "applications":{"b":{"type":"perl","processes":0}}})";
        try {
            service_->begin(ipc::ConfigOrigin::stored, {{"conf.json", text}}, 0);
            CPPUNIT_FAIL("it began");
        } catch (const ConfigError &error) {
            CPPUNIT_ASSERT_EQUAL(std::size_t{2}, error.entries().size());
        }
    }

    // A router that is started again gets the list of modules that its predecessor had, and the
    // files may be gone: what cannot be loaded is tried again.
    void whatCannotBeLoadedAtAStartIsTriedAgain()
    {
        api();
        world_->faults.encoderThrows = world_->faults.listenerThrows = true;
        service_->begin(ipc::ConfigOrigin::restored, {{"", stored()}}, 0);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, world_->current()->listeners.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, world_->controller.active()->ailments.leftOut.size());
        put("settings", R"({"listen_threads":2})"); // is not about them
        refusedFor("on purpose", [&] { put("applications/a/processes", "2"); });
        world_->faults = {};
        healed();
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world_->current()->listeners.size());
        CPPUNIT_ASSERT(world_->current()->applications[0]->running > 0);
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 1; }));
    }

    void aReloadThatCannotSeeTheModulesIsRefused()
    {
        files(kApp);
        world_->keeper.searchFailure = {EIO, "The modules cannot be listed."};
        failsWith(EditError::Kind::unreadable, [&] { service_->reload(0, false); });
        world_->keeper.searchFailure = {};
        world_->keeper.manifest = "{";
        CPPUNIT_ASSERT_THROW(service_->reload(0, false), Error);
        CPPUNIT_ASSERT_EQUAL(kApp, declared());
    }

    void anEditWithAFailingApplicationIsRefused()
    {
        api();
        put("/", kApp);
        world_->faults.workerFails = true;
        try {
            put("applications/a/module", "\"b\"");
            CPPUNIT_FAIL("applied");
        } catch (const ConfigError &error) {
            CPPUNIT_ASSERT(error.stage() == ConfigError::Stage::apply);
            CPPUNIT_ASSERT_EQUAL(std::string("a"),
                                 std::string(error.cause().stringOf("application")));
        }
        CPPUNIT_ASSERT_EQUAL(kApp, declared());
        CPPUNIT_ASSERT(world_->controller.active()->ailments.none());
    }

    void aStoredListenerThatCannotOpenIsRetried()
    {
        api();
        world_->faults.sockets["0.0.0.0:80"] = EADDRINUSE;
        service_->begin(ipc::ConfigOrigin::stored, {{"conf.json", stored()}}, 0);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->current()->listeners.size());
        CPPUNIT_ASSERT_EQUAL(std::string("*:80"),
                             world_->controller.active()->ailments.listeners.at(0).address);
        world_->faults.sockets.clear();
        healed();
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world_->current()->listeners.size());
    }

    void anEditIsNotRefusedForWhatFailedBefore()
    {
        api();
        world_->faults.sockets["0.0.0.0:80"] = EADDRINUSE;
        service_->begin(ipc::ConfigOrigin::stored, {{"conf.json", stored()}}, 0);
        put("settings", R"({"listen_threads":2})");
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->current()->listeners.size());
        world_->faults.sockets["0.0.0.0:82"] = EADDRINUSE;
        CPPUNIT_ASSERT_THROW(put("listeners/*:82", R"({"pass":"applications/a"})"), ConfigError);
    }

    // The timer may run between the release of the configuration and the end of the router.
    void atTheEndNothingIsHealed()
    {
        api();
        world_->faults.sockets["0.0.0.0:80"] = EADDRINUSE;
        service_->begin(ipc::ConfigOrigin::stored, {{"conf.json", stored()}}, 0);
        JobQueue jobs;
        Healer healer(world_->loop, jobs, world_->controller, *service_);
        healer.look();
        CPPUNIT_ASSERT(world_->until([&] { return !jobs.empty(); }));
        world_->controller.release();
        bool later = false;
        world_->loop.after(std::chrono::milliseconds(300), [&] { later = true; });
        CPPUNIT_ASSERT(world_->until([&] { return later; }));
        jobs.runOne();
    }

private:
    static std::string stored()
    {
        return R"({"listeners":{"*:80":{"pass":"applications/a"},"*:81":{"pass":"applications/a"}},
                   "applications":{"a":{"type":"python","module":"a"}}})";
    }
    void api() { make(""); }
    // File mode, with one file.
    void files(const std::string &text)
    {
        make("main.json");
        world_->keeper.files = {{"main.json", text}};
        service_->begin(ipc::ConfigOrigin::file, world_->keeper.files, 0);
    }
    void make(const std::string &file)
    {
        service_ =
            std::make_unique<ConfigService>(world_->loop, world_->controller, world_->keeper, file);
    }
    std::string declared() const { return json::writeCompact(service_->declared()); }
    Outcome put(const std::string &path, const std::string &text)
    {
        json::Path parts;
        for (std::size_t at = 0; at < path.size();) {
            std::size_t end = std::min(path.find('/', at), path.size());
            if (end > at) {
                parts.push_back(path.substr(at, end - at));
            }
            at = end + 1;
        }
        return service_->edit(
            [&](json::Value &root) {
                CPPUNIT_ASSERT(json::put(root, parts, json::read(text)) == json::Edited::done);
            },
            "", kRoot, false);
    }
    // The next look at the modules finds all of the catalog but this one.
    void without(const std::string &id)
    {
        modules::Catalog found = makeCatalog();
        std::erase_if(found.modules, [&](const auto &module) { return module.id == id; });
        world_->keeper.manifest = modules::writeManifest(found);
    }
    template <class Do>
    static void refusedFor(const std::string &reason, const Do &act)
    {
        try {
            act();
        } catch (const ConfigError &error) {
            const std::string what = error.what();
            CPPUNIT_ASSERT_MESSAGE(what, what.find(reason) != std::string::npos);
            return;
        }
        CPPUNIT_FAIL("it was done");
    }
    template <class Do>
    void failsWith(EditError::Kind kind, const Do &act)
    {
        try {
            act();
        } catch (const EditError &error) {
            CPPUNIT_ASSERT(error.kind() == kind);
            return;
        }
        CPPUNIT_FAIL("it was done");
    }
    // By the healer, as in the router.
    void healed()
    {
        JobQueue jobs;
        Healer healer(world_->loop, jobs, world_->controller, *service_);
        healer.look();
        while (!world_->controller.active()->ailments.none() || !service_->storeError().empty()) {
            CPPUNIT_ASSERT(world_->until([&] { return !jobs.empty(); }));
            jobs.runOne();
            healer.look();
        }
    }

    std::unique_ptr<World> world_;
    std::unique_ptr<ConfigService> service_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConfigServiceTest);

} // namespace
