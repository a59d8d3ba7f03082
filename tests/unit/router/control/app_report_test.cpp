// What is said of an application: its processes, its failures, its last words, its requests.
#include "fake_world.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <csignal>

namespace {

using namespace patchbay;
using namespace patchbay::control;
using namespace patchbay::control::test;

std::string blog(int processes, int threads = 1)
{
    return R"({"settings": {"listen_threads": 1}, "applications": {"blog": {"type": "python",
        "module": "app", "processes": )" +
           std::to_string(processes) + R"(, "threads": )" + std::to_string(threads) + "}}}";
}

class AppReportTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AppReportTest);
    CPPUNIT_TEST(processesAreCounted);
    CPPUNIT_TEST(idleIsWhatSleepsWithAllItsThreads);
    CPPUNIT_TEST(deathsAreCountedRetirementsAreNot);
    CPPUNIT_TEST(aFailureStaysUntilAStartSucceeds);
    CPPUNIT_TEST(theLastWordsComeWithTheFailure);
    CPPUNIT_TEST(requestsAreWhatTheEnginesCount);
    CPPUNIT_TEST(anApplicationThatIsGoneHasNone);
    CPPUNIT_TEST(manyLeasesAreLetGoTogether);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { world_ = std::make_unique<World>(); }
    void tearDown() override
    {
        CPPUNIT_ASSERT(world_->shutDown());
        for (const std::string &breach : world_->engineLog.breaches) {
            CPPUNIT_FAIL(breach);
        }
    }

    void processesAreCounted()
    {
        apply(blog(3));
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 3; }));
        AppReport now = report();
        CPPUNIT_ASSERT_EQUAL(std::string("blog"), now.name);
        CPPUNIT_ASSERT_EQUAL(3u, now.running);
        CPPUNIT_ASSERT_EQUAL(0u, now.starting);
        CPPUNIT_ASSERT_EQUAL(0u, now.idle); // the fakes never sleep
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, now.started);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, now.died);
        CPPUNIT_ASSERT(!now.failure && now.output.empty());
        world_->faults.holdWorkers = true;
        world_->main.workers("blog")[0]->die(SIGKILL);
        CPPUNIT_ASSERT(world_->until([&] { return world_->main.workers("blog").size() == 3; }));
        world_->settle();
        CPPUNIT_ASSERT_EQUAL(2u, report().running);
        CPPUNIT_ASSERT_EQUAL(1u, report().starting);
    }

    void idleIsWhatSleepsWithAllItsThreads()
    {
        apply(blog(2, 3));
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 2; }));
        auto &idle = app().workspace()->segment().layout().idle[0];
        idle = 0b011'111;
        CPPUNIT_ASSERT_EQUAL(1u, report().idle);
        idle = ~std::uint64_t{0}; // whatever a worker scribbles there
        CPPUNIT_ASSERT_EQUAL(2u, report().idle);
        idle = 0;
    }

    void deathsAreCountedRetirementsAreNot()
    {
        apply(blog(2));
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 2; }));
        world_->main.workers("blog")[0]->die(SIGSEGV);
        CPPUNIT_ASSERT(world_->until([&] { return report().started == 3; }));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, report().died);
        world_->main.prototypes("blog")[0]->die(); // its workers are replaced, in order
        CPPUNIT_ASSERT(world_->until(
            [&] { return report().started == 5 && world_->main.workers("blog").size() == 2; }));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, report().died);
    }

    void aFailureStaysUntilAStartSucceeds()
    {
        apply(blog(1));
        world_->faults.workerFails = true;
        world_->main.workers("blog")[0]->die(SIGSEGV);
        CPPUNIT_ASSERT(world_->until([&] { return report().failure.has_value(); }));
        CPPUNIT_ASSERT_EQUAL(std::string("no module named \"nosuch\""), *report().failure);
        CPPUNIT_ASSERT(world_->until([&] { return report().died >= 3; }));
        CPPUNIT_ASSERT(report().started >= report().died);
        world_->faults.workerFails = false;
        CPPUNIT_ASSERT(world_->until([&] { return report().running == 1; }));
        CPPUNIT_ASSERT(!report().failure);
    }

    void theLastWordsComeWithTheFailure()
    {
        apply(blog(1));
        world_->main.writeError("blog", "Traceback: it is broken\n");
        world_->faults.holdWorkers = true;
        std::string heard;
        world_->main.workers("blog")[0]->die(SIGSEGV);
        CPPUNIT_ASSERT(world_->until([&] {
            heard = report().output;
            return report().died == 1;
        }));
        CPPUNIT_ASSERT_EQUAL(std::string("Traceback: it is broken\n"), heard);
    }

    void requestsAreWhatTheEnginesCount()
    {
        apply(blog(1));
        app().inFlight = 7;
        app().bindings = 3;
        app().requests = 100;
        app().refusedFull = 1;
        app().refusedLate = 2;
        app().unavailable = 3;
        app().unsendable = 4;
        app().workerDied = 5;
        app().badReply = 6;
        app().clientGone = 7;
        app().taken = 80;
        app().waitMicroseconds = 12345;
        AppReport now = report();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, now.active);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, now.queued);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{100}, now.requests);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, now.refusedFull);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, now.refusedLate);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, now.unavailable);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, now.unsendable);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, now.workerDied);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{6}, now.badReply);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{7}, now.clientGone);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{80}, now.taken);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{12345}, now.waitMicroseconds);
        app().inFlight = 2; // read a moment before bindings went
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, report().active);
        app().inFlight = app().bindings = 0;
    }

    void anApplicationThatIsGoneHasNone()
    {
        apply(blog(1));
        const app::Application *gone = &app();
        apply("{}");
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 0; }));
        CPPUNIT_ASSERT(!world_->spawner.report(*gone));
    }

    void manyLeasesAreLetGoTogether()
    {
        std::string text = R"({"settings": {"listen_threads": 1}, "applications": {)";
        for (int i = 0; i < 60; i++) {
            text += (i == 0 ? "\"a" : ", \"a") + std::to_string(i) +
                    R"(": {"type": "python", "module": "app"})";
        }
        apply(text + "}}");
        std::size_t descriptors = openDescriptors();
        CPPUNIT_ASSERT_EQUAL(std::size_t{60}, world_->spawner.applications());
        apply(text + "}}");
        CPPUNIT_ASSERT_EQUAL(60, world_->main.prototypeStarts);
        apply("{}");
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 0; }));
        world_->main.forgetTheDead();
        CPPUNIT_ASSERT(openDescriptors() < descriptors - 60 * 6);
    }

private:
    void apply(const std::string &text)
    {
        auto outcome = world_->apply(text);
        CPPUNIT_ASSERT_MESSAGE(outcome.text, outcome.ok);
    }
    app::Application &app() { return *world_->current()->applications.at(0); }
    AppReport report()
    {
        auto found = world_->spawner.report(app());
        CPPUNIT_ASSERT(found.has_value());
        return *found;
    }

    std::unique_ptr<World> world_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(AppReportTest);

} // namespace
