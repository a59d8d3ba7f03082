// Starting, replacing and retiring the processes of applications (seed S41-S43, S51, S52; P1, P5,
// P6, P7, P9, C4).
#include "fake_world.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <csignal>

namespace {

using namespace patchbay;
using namespace patchbay::control;
using namespace patchbay::control::test;

std::string application(int processes, const char *module = "app")
{
    return R"({"type": "python", "module": ")" + std::string(module) + R"(", "processes": )" +
           std::to_string(processes) + "}";
}

std::string with(const std::string &blog, int engines = 1)
{
    return R"({"settings": {"listen_threads": )" + std::to_string(engines) +
           R"(}, "applications": {"blog": )" + blog + "}}";
}

constexpr const char *kNothing = "{}";

class SpawnerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SpawnerTest);
    CPPUNIT_TEST(allWorkersStartAndKnowEveryEngine);
    CPPUNIT_TEST(aDeadWorkerIsReplacedAtOnce);
    CPPUNIT_TEST(aWorkerStaysCountedUntilTheNextIsOnItsWay);
    CPPUNIT_TEST(aCrashLoopGoesDownAndComesBack);
    CPPUNIT_TEST(aDeadPrototypeCostsNoWorker);
    CPPUNIT_TEST(theOldWorkersWaitForTheNew);
    CPPUNIT_TEST(aRetiredApplicationLeavesNothing);
    CPPUNIT_TEST(queuedRequestsAreServedBeforeTheWorkersGo);
    CPPUNIT_TEST(aRetiringApplicationIsRevived);
    CPPUNIT_TEST(anApplicationToldToGoIsReplacedByANewOne);
    CPPUNIT_TEST(oneThatWasSentAwayIsNotHandedOutAgain);
    CPPUNIT_TEST(aNewEngineLearnsOfEveryWorker);
    CPPUNIT_TEST(manyDeathsReuseNumbersAndLeaveNothing);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { world_ = std::make_unique<World>(); }
    void tearDown() override
    {
        CPPUNIT_ASSERT(world_->shutDown());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, world_->main.workers().size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, world_->main.prototypes().size());
        for (const std::string &breach : world_->engineLog.breaches) {
            CPPUNIT_FAIL(breach);
        }
        world_.reset();
    }

    void allWorkersStartAndKnowEveryEngine()
    {
        apply(with(application(3), 2));
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 3; }));
        world_->settle();
        CPPUNIT_ASSERT_EQUAL(0u, app().starting.load());
        for (const FakeWorker *worker : world_->main.workers("blog")) {
            CPPUNIT_ASSERT_EQUAL(std::size_t{2}, worker->doorbells().size());
        }
        CPPUNIT_ASSERT_EQUAL(1, world_->main.prototypeStarts);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, world_->engineLog.alive[1]->workers());
    }

    void aDeadWorkerIsReplacedAtOnce()
    {
        apply(with(application(2)));
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 2; }));
        auto before = world_->main.pids("blog");
        world_->main.workers("blog")[0]->die(SIGKILL);
        CPPUNIT_ASSERT(world_->until([&] { return world_->main.workers("blog").size() == 2; }));
        world_->settle();
        auto after = world_->main.pids("blog");
        CPPUNIT_ASSERT(std::find(after.begin(), after.end(), before[1]) != after.end());
        CPPUNIT_ASSERT(std::find(after.begin(), after.end(), before[0]) == after.end());
        CPPUNIT_ASSERT_EQUAL(2u, app().running.load());
        CPPUNIT_ASSERT_EQUAL(0, world_->engineLog.down);
    }

    // Engines answer 503 at once when they see neither a running nor a starting worker.
    void aWorkerStaysCountedUntilTheNextIsOnItsWay()
    {
        apply(with(application(1)));
        world_->faults.holdWorkers = true;
        world_->main.workers("blog")[0]->die(SIGSEGV);
        bool served = true;
        CPPUNIT_ASSERT(world_->until([&] {
            served = served && app().running + app().starting > 0;
            return world_->main.workers("blog").size() == 1;
        }));
        world_->settle();
        CPPUNIT_ASSERT(served);
        CPPUNIT_ASSERT_EQUAL(0u, app().running.load());
        CPPUNIT_ASSERT_EQUAL(1u, app().starting.load());
        world_->main.workers("blog")[0]->becomeReady();
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 1; }));
    }

    void aCrashLoopGoesDownAndComesBack()
    {
        apply(with(application(1)));
        world_->faults.workerFails = true;
        world_->main.workers("blog")[0]->die(SIGSEGV);
        CPPUNIT_ASSERT(world_->until([&] { return world_->engineLog.down >= 2; }));
        CPPUNIT_ASSERT_EQUAL(0u, app().running + app().starting);
        world_->faults.workerFails = false;
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 1; }));
        CPPUNIT_ASSERT_EQUAL(1, world_->main.prototypeStarts);
    }

    void aDeadPrototypeCostsNoWorker()
    {
        apply(with(application(2)));
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 2; }));
        auto before = world_->main.pids("blog");
        world_->main.prototypes("blog")[0]->die();
        std::uint32_t fewest = 2;
        CPPUNIT_ASSERT(world_->until([&] {
            fewest = std::min(fewest, app().running.load());
            auto pids = world_->main.pids("blog");
            return pids.size() == 2 && pids[0] > before[1] && app().running == 2;
        }));
        CPPUNIT_ASSERT_EQUAL(2u, fewest);
        CPPUNIT_ASSERT_EQUAL(2, world_->main.prototypeStarts);
    }

    void theOldWorkersWaitForTheNew()
    {
        apply(with(application(2)));
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 2; }));
        auto before = world_->main.pids("blog");
        world_->faults.holdWorkers = true;
        world_->main.prototypes("blog")[0]->die();
        CPPUNIT_ASSERT(world_->until([&] { return world_->main.workers("blog").size() == 4; }));
        world_->settle();
        CPPUNIT_ASSERT_EQUAL(2u, app().running.load());
        world_->main.workers("blog")[2]->becomeReady();
        CPPUNIT_ASSERT(world_->until([&] { return world_->main.workers("blog").size() == 3; }));
        CPPUNIT_ASSERT_EQUAL(before[0], world_->main.pids("blog")[0]);
        world_->main.workers("blog")[2]->becomeReady();
        CPPUNIT_ASSERT(world_->until([&] { return world_->main.workers("blog").size() == 2; }));
        world_->settle();
        CPPUNIT_ASSERT_EQUAL(2u, app().running.load());
    }

    void aRetiredApplicationLeavesNothing()
    {
        apply(with(application(2)));
        apply(kNothing);
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 0; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, world_->main.workers().size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, world_->main.prototypes().size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, world_->engineLog.alive[0]->applications());
    }

    void queuedRequestsAreServedBeforeTheWorkersGo()
    {
        apply(with(application(1)));
        app::Application &retired = app(); // lives as long as inFlight is not 0
        retired.inFlight = 1;
        apply(kNothing);
        bool polled = false;
        world_->loop.after(std::chrono::milliseconds(200), [&] { polled = true; });
        CPPUNIT_ASSERT(world_->until([&] { return polled; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->main.workers("blog").size());
        retired.inFlight = 0;
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 0; }));
    }

    void aRetiringApplicationIsRevived()
    {
        apply(with(application(1)));
        auto pids = world_->main.pids("blog");
        app().inFlight = 1;
        const app::Application *before = &app();
        apply(kNothing);
        world_->settle();
        apply(with(application(1)));
        CPPUNIT_ASSERT(before == &app());
        app().inFlight = 0;
        bool polled = false;
        world_->loop.after(std::chrono::milliseconds(200), [&] { polled = true; });
        CPPUNIT_ASSERT(world_->until([&] { return polled; }));
        CPPUNIT_ASSERT(pids == world_->main.pids("blog"));
    }

    void anApplicationToldToGoIsReplacedByANewOne()
    {
        apply(with(application(1)));
        world_->main.workers("blog")[0]->ignoresQuit = true;
        auto old = world_->main.pids("blog")[0];
        apply(kNothing);
        world_->settle(); // quiet: told at once
        apply(with(application(1)));
        CPPUNIT_ASSERT_EQUAL(1u, app().running.load());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world_->spawner.applications());
        CPPUNIT_ASSERT_EQUAL(old, world_->main.pids("blog")[0]);
        world_->main.workers("blog")[0]->die(0);
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 1; }));
        CPPUNIT_ASSERT_EQUAL(1u, app().running.load());
    }

    // A generation that lives on names it still, without a binding for it.
    void oneThatWasSentAwayIsNotHandedOutAgain()
    {
        apply(with(application(1)));
        config::SnapshotPtr first = world_->current();
        apply(kNothing);
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 0; }));
        apply(with(application(1)));
        CPPUNIT_ASSERT(first->applications[0].get() != &app());
        CPPUNIT_ASSERT_EQUAL(1u, app().running.load());
    }

    void aNewEngineLearnsOfEveryWorker()
    {
        apply(with(application(2), 1));
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 2; }));
        auto pids = world_->main.pids("blog");
        apply(with(application(2), 4));
        world_->settle();
        CPPUNIT_ASSERT(pids == world_->main.pids("blog"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, world_->engineLog.alive.size());
        for (const FakeEngine *engine : world_->engineLog.alive) {
            CPPUNIT_ASSERT_EQUAL(std::size_t{2}, engine->workers());
        }
        for (const FakeWorker *worker : world_->main.workers("blog")) {
            CPPUNIT_ASSERT_EQUAL(std::size_t{4}, worker->doorbells().size());
        }
    }

    void manyDeathsReuseNumbersAndLeaveNothing()
    {
        apply(with(application(3)));
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 3; }));
        world_->settle();
        std::size_t descriptors = openDescriptors();
        for (int i = 0; i < 200; i++) {
            app().answered = true;
            auto workers = world_->main.workers("blog");
            workers[static_cast<std::size_t>(i) % workers.size()]->die(SIGKILL);
            CPPUNIT_ASSERT(world_->until(
                [&] { return world_->main.workers("blog").size() == 3 && app().running == 3; }));
            world_->settle();
        }
        for (const FakeWorker *worker : world_->main.workers("blog")) {
            CPPUNIT_ASSERT(worker->number() < 6);
        }
        world_->main.forgetTheDead();
        CPPUNIT_ASSERT_EQUAL(descriptors, openDescriptors());
    }

private:
    void apply(const std::string &text)
    {
        auto outcome = world_->apply(text);
        CPPUNIT_ASSERT_MESSAGE(outcome.text, outcome.ok);
    }
    app::Application &app() { return *world_->current()->applications.at(0); }

    std::unique_ptr<World> world_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(SpawnerTest);

} // namespace
