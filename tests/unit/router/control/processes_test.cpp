// Workers that come and go with the requests, are replaced before their time, hang, or do not
// become ready. The test plays the engine: it pushes tickets and asks.
#include "fake_world.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <sys/resource.h>

#include <csignal>
#include <optional>
#include <utility>

namespace {

using namespace patchbay;
using namespace patchbay::control;
using namespace patchbay::control::test;
using namespace std::chrono_literals;

std::string blog(const std::string &options)
{
    return R"({"settings": {"listen_threads": 1}, "applications": {"blog": {"type": "python",
        "module": "app", )" +
           options + "}}}";
}

constexpr const char *kOnDemand = R"("processes": {"max": 3})";

// As long as it lives this process gets no descriptor more.
class NoDescriptors {
public:
    NoDescriptors()
    {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit none = before_;
        none.rlim_cur = 0;
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    NoDescriptors(const NoDescriptors &) = delete;
    NoDescriptors &operator=(const NoDescriptors &) = delete;

private:
    rlimit before_{};
};

class ProcessesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ProcessesTest);
    CPPUNIT_TEST(nothingRunsUntilARequestComes);
    CPPUNIT_TEST(noDescriptorsForTheFirstRequest);
    CPPUNIT_TEST(noDescriptorsForTheFirstWorker);
    CPPUNIT_TEST(oneWorkerForOneNeed);
    CPPUNIT_TEST(aRequestThatCameTooEarlyIsSeen);
    CPPUNIT_TEST(aFailedStartIsToldToEverybody);
    CPPUNIT_TEST(spareOnesAreKept);
    CPPUNIT_TEST(applyFailsIfNoSpareOneStarts);
    CPPUNIT_TEST(idleOnesGo);
    CPPUNIT_TEST(oneThatTookARequestMeanwhileFinishes);
    CPPUNIT_TEST(aDeadPrototypeOfElasticWorkers);
    CPPUNIT_TEST(aPrototypeThatDiesWhenItIsNeeded);
    CPPUNIT_TEST(aSpentWorkerHasASuccessor);
    CPPUNIT_TEST(spentThoughItHasNoLimit);
    CPPUNIT_TEST(oneThatHangsIsReplacedAtOnce);
    CPPUNIT_TEST(theOthersOfOneThatHangsMayFinish);
    CPPUNIT_TEST(aWorkerThatDoesNotGetReady);
    CPPUNIT_TEST(aPrototypeThatDoesNotGetReady);
    CPPUNIT_TEST(anApplicationHasAStartLimitOfItsOwn);
    CPPUNIT_TEST(howItEndedIsSaid);
    CPPUNIT_TEST(howAPrototypeEndedIsSaid);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { world_ = std::make_unique<World>(); }
    void tearDown() override
    {
        CPPUNIT_ASSERT(world_->shutDown());
        for (const std::string &breach : world_->engineLog.breaches) {
            CPPUNIT_FAIL(breach);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, world_->main.workers().size());
    }

    void nothingRunsUntilARequestComes()
    {
        apply(blog(kOnDemand));
        world_->settle();
        CPPUNIT_ASSERT_EQUAL(0, world_->main.prototypeStarts);
        CPPUNIT_ASSERT(report().dormant);
        CPPUNIT_ASSERT(app().starting > 0); // whoever comes may wait
        CPPUNIT_ASSERT_EQUAL(0u, report().starting);
        CPPUNIT_ASSERT(app().workspace() == nullptr); // nor is there anything to hand it over
        ask(1);
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 1; }));
        CPPUNIT_ASSERT(!report().dormant);
        CPPUNIT_ASSERT_EQUAL(0, world_->engineLog.down);
        take(0);
        pass();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, report().started);
    }

    // Its engine keeps the request: it is told at once that this one is in vain.
    void noDescriptorsForTheFirstRequest()
    {
        apply(blog(kOnDemand));
        {
            NoDescriptors none;
            app().askForWorkers();
            CPPUNIT_ASSERT(world_->until([&] { return world_->engineLog.down == 1; }));
            CPPUNIT_ASSERT(app().workspace() == nullptr);
            CPPUNIT_ASSERT_EQUAL(0u, app().running + app().starting);
            CPPUNIT_ASSERT_EQUAL(
                std::string("memfd_create(patchbay-app) failed (24: Too many open files)"),
                report().failure.value_or(""));
        }
        CPPUNIT_ASSERT(world_->until([&] { return app().starting == 1; }));
        ask(1);
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 1; }));
        CPPUNIT_ASSERT(!report().failure);
        take(0);
    }

    void noDescriptorsForTheFirstWorker()
    {
        apply("{}"); // the first configuration tolerates it
        std::optional<NoDescriptors> none(std::in_place);
        auto outcome = world_->apply(blog(R"("processes": 1)"));
        none.reset();
        CPPUNIT_ASSERT(!outcome.ok);
        CPPUNIT_ASSERT_MESSAGE(outcome.text,
                               outcome.text.find("Too many open files") != std::string::npos);
        apply(blog(R"("processes": 1)"));
        CPPUNIT_ASSERT_EQUAL(1u, app().running.load());
    }

    void oneWorkerForOneNeed()
    {
        apply(blog(kOnDemand));
        world_->faults.holdWorkers = true;
        ask(1);
        CPPUNIT_ASSERT(world_->until([&] { return workers().size() == 1; }));
        for (int i = 0; i < 5; i++) {
            app().askForWorkers();
            pass();
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, workers().size());
        ask(2);
        CPPUNIT_ASSERT(world_->until([&] { return workers().size() == 2; }));
        for (std::uint32_t slot = 3; slot < 20; slot++) {
            ask(slot);
        }
        CPPUNIT_ASSERT(world_->until([&] { return workers().size() == 3; }));
        CPPUNIT_ASSERT(!app().mayGrow); // nobody asks in vain
        app().askForWorkers();
        pass();
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, workers().size());
    }

    // Its engine did not ask, for there was nothing to ask for.
    void aRequestThatCameTooEarlyIsSeen()
    {
        apply(blog(R"("processes": {"max": 1})"));
        ask(1);
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 1; }));
        take(0);
        CPPUNIT_ASSERT(!app().mayGrow);
        push(2);
        workers()[0]->die(SIGSEGV);
        CPPUNIT_ASSERT(world_->until([&] { return report().started == 2 && app().running == 1; }));
        CPPUNIT_ASSERT_EQUAL(0, world_->engineLog.down);
    }

    void aFailedStartIsToldToEverybody()
    {
        apply(blog(kOnDemand));
        app().answered = true; // however well it did before
        world_->faults.workerFails = true;
        ipc::Ticket ticket = ask(1);
        CPPUNIT_ASSERT(world_->until([&] { return world_->engineLog.down == 1; }));
        app().workspace()->queue().cancel(ticket); // as the engine does then
        CPPUNIT_ASSERT_EQUAL(0u, app().running + app().starting);
        CPPUNIT_ASSERT(!report().dormant && report().failure);
        // After the delay it may be tried again, but only for somebody.
        CPPUNIT_ASSERT(world_->until([&] { return app().starting == 1; }));
        CPPUNIT_ASSERT(report().dormant);
        pass();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, report().started);
        world_->faults.workerFails = false;
        ask(2);
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 1; }));
        CPPUNIT_ASSERT_EQUAL(1, world_->engineLog.down);
    }

    void spareOnesAreKept()
    {
        apply(blog(R"("processes": {"spare": 1, "max": 3})"));
        CPPUNIT_ASSERT_EQUAL(1u, app().running.load()); // apply has waited for it
        pass();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, workers().size());
        push(1);
        take(0); // it is busy now
        app().askForWorkers();
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 2; }));
        pass();
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, workers().size());
        push(2);
        take(1);
        push(3); // and one waits
        app().askForWorkers();
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 3; }));
        pass();
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, workers().size());
        take(2);
    }

    void applyFailsIfNoSpareOneStarts()
    {
        apply("{}"); // the first configuration tolerates it
        world_->faults.workerFails = true;
        auto outcome = world_->apply(blog(R"("processes": {"spare": 1, "max": 3})"));
        CPPUNIT_ASSERT(!outcome.ok);
        CPPUNIT_ASSERT(outcome.text.find("no module named") != std::string::npos);
        apply(blog(kOnDemand));
    }

    void idleOnesGo()
    {
        apply(blog(R"("processes": {"spare": 1, "max": 3, "idle_timeout": 0})"));
        push(1);
        push(2);
        app().askForWorkers();
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 3; }));
        take(0);
        take(1);
        idle(2);
        pass(120ms); // one idle is the spare one
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, workers().size());
        idle(0);
        CPPUNIT_ASSERT(world_->until([&] { return workers().size() == 2; }));
        idle(1);
        CPPUNIT_ASSERT(world_->until([&] { return workers().size() == 1; }));
        CPPUNIT_ASSERT_EQUAL(0u, workers()[0]->number()); // the lowest stays
        pass(120ms);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, workers().size());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, report().died);
    }

    void oneThatTookARequestMeanwhileFinishes() // P23
    {
        apply(blog(R"("processes": {"max": 1, "idle_timeout": 0})"));
        ask(1);
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 1; }));
        take(0);
        workers()[0]->ignoresQuit = true; // it has just taken another one
        idle(0);
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 0; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, workers().size());
        ask(2); // nobody's yet
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 1; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, workers().size());
        CPPUNIT_ASSERT_EQUAL(0, world_->engineLog.down);
        workers()[0]->die(0);
        CPPUNIT_ASSERT(world_->until([&] { return workers().size() == 1; }));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, report().died);
    }

    void aDeadPrototypeOfElasticWorkers()
    {
        apply(blog(R"("processes": {"max": 9})"));
        ask(1);
        ask(2);
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 2; }));
        take(0);
        take(1);
        auto before = world_->main.pids("blog");
        world_->main.prototypes("blog")[0]->die();
        CPPUNIT_ASSERT(world_->until([&] {
            auto pids = world_->main.pids("blog");
            return pids.size() == 2 && pids[0] > before[1] && app().running == 2;
        }));
        pass();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, report().started); // one for one
    }

    // Nobody waits in vain because of it, and it is no failed start of the application.
    void aPrototypeThatDiesWhenItIsNeeded()
    {
        apply(blog(kOnDemand));
        world_->faults.prototypeDiesForking = true;
        ask(1);
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 1; }));
        CPPUNIT_ASSERT_EQUAL(0, world_->engineLog.down);
        CPPUNIT_ASSERT_EQUAL(2, world_->main.prototypeStarts);
        CPPUNIT_ASSERT(!report().failure);
        take(0);
        pass();
    }

    void aSpentWorkerHasASuccessor() // P8
    {
        for (const char *processes : {"1", R"({"max": 1})", R"({"spare": 1, "max": 4})"}) {
            apply(blog(R"("limits": {"requests": 10}, "processes": )" + std::string(processes)));
            ask(1);
            CPPUNIT_ASSERT(world_->until([&] { return app().running >= 1; }));
            take(0);
            pass();
            const int down = world_->engineLog.down;
            const std::uint64_t started = report().started;
            world_->faults.holdWorkers = true;
            FakeWorker *worker = workers()[0];
            worker->sayIAmSpent();
            bool served = true;
            CPPUNIT_ASSERT(world_->until([&] {
                served = served && app().running + app().starting > 0;
                return report().started == started + 1;
            }));
            worker->die(0);
            pass();
            CPPUNIT_ASSERT(served && app().running + app().starting > 0);
            CPPUNIT_ASSERT_EQUAL(started + 1, report().started);
            world_->faults.holdWorkers = false;
            for (FakeWorker *next : workers()) {
                next->becomeReady();
            }
            CPPUNIT_ASSERT(world_->until([&] { return app().running >= 1; }));
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, report().died);
            CPPUNIT_ASSERT_EQUAL(down, world_->engineLog.down);
            apply("{}");
        }
    }

    void spentThoughItHasNoLimit()
    {
        apply(blog(R"("processes": 1)"));
        workers()[0]->sayIAmSpent();
        CPPUNIT_ASSERT(world_->until([&] { return report().died == 1; }));
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 1; }));
    }

    void oneThatHangsIsReplacedAtOnce() // P3
    {
        apply(blog(R"("processes": 1, "limits": {"timeout": 1})"));
        pid_t before = world_->main.pids("blog")[0];
        world_->faults.holdWorkers = true;
        bool served = true;
        app().tellHanging(world_->engineLog.alive[0]->views.at(0));
        app().tellHanging(world_->engineLog.alive[0]->views.at(0)); // two of its requests
        CPPUNIT_ASSERT(world_->until([&] {
            served = served && app().running + app().starting > 0;
            auto pids = world_->main.pids("blog");
            return pids.size() == 1 && pids[0] != before;
        }));
        CPPUNIT_ASSERT(served);
        pass();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, report().started);
        CPPUNIT_ASSERT(!report().failure);
    }

    void theOthersOfOneThatHangsMayFinish()
    {
        apply(blog(R"("processes": 1, "threads": 4, "limits": {"timeout": 1})"));
        FakeWorker *hanging = workers()[0];
        hanging->ignoresQuit = true;
        app().tellHanging(world_->engineLog.alive[0]->views.at(0));
        CPPUNIT_ASSERT(world_->until([&] { return workers().size() == 2; }));
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 1; })); // its successor
        CPPUNIT_ASSERT(hanging->alive());
        CPPUNIT_ASSERT(world_->until([&] { return !hanging->alive(); }));
    }

    void aWorkerThatDoesNotGetReady()
    {
        world_ = std::make_unique<World>(1000ms);
        apply("{}");
        world_->faults.holdWorkers = true;
        auto outcome = world_->apply(blog(R"("processes": 1)"));
        CPPUNIT_ASSERT(!outcome.ok);
        CPPUNIT_ASSERT_MESSAGE(outcome.text, outcome.text.find("did not become ready within 1 s") !=
                                                 std::string::npos);
        world_->faults.holdWorkers = false;
        apply(blog(R"("processes": 2)"));
        CPPUNIT_ASSERT(world_->until([&] { return app().running == 2; }));
        pass(1100ms); // those that got ready stay
        CPPUNIT_ASSERT_EQUAL(2u, app().running.load());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, report().started);
    }

    void aPrototypeThatDoesNotGetReady()
    {
        world_ = std::make_unique<World>(1000ms);
        apply("{}");
        world_->faults.holdPrototypes = true;
        auto outcome = world_->apply(blog(R"("processes": 1)"));
        CPPUNIT_ASSERT(!outcome.ok);
        CPPUNIT_ASSERT_MESSAGE(outcome.text, outcome.text.find("did not become ready within 1 s") !=
                                                 std::string::npos);
        world_->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, world_->main.prototypes().size());
    }

    void anApplicationHasAStartLimitOfItsOwn()
    {
        apply("{}");
        world_->faults.holdWorkers = true;
        auto outcome = world_->apply(blog(R"("limits": {"start_timeout": 1})"));
        CPPUNIT_ASSERT(!outcome.ok);
        CPPUNIT_ASSERT_MESSAGE(outcome.text, outcome.text.find("did not become ready within 1 s") !=
                                                 std::string::npos);
    }

    void howItEndedIsSaid()
    {
        apply(blog(R"("processes": 1)"));
        world_->faults.holdWorkers = true;
        workers()[0]->die(SIGSEGV);
        CPPUNIT_ASSERT(world_->until([&] { return workers().size() == 1; }));
        workers()[0]->die(3 << 8);
        CPPUNIT_ASSERT(world_->until([&] { return report().failure.has_value(); }));
        CPPUNIT_ASSERT_EQUAL(std::string("its process exited with code 3 before it was ready"),
                             *report().failure);
        CPPUNIT_ASSERT(world_->until([&] { return workers().size() == 1; }));
        workers()[0]->die(SIGSEGV);
        CPPUNIT_ASSERT(world_->until([&] {
            return *report().failure == "its process exited on signal 11 before it was ready";
        }));
    }

    void howAPrototypeEndedIsSaid()
    {
        apply(blog(kOnDemand));
        world_->faults.holdPrototypes = true;
        ipc::Ticket ticket = ask(1);
        CPPUNIT_ASSERT(world_->until([&] { return world_->main.prototypes("blog").size() == 1; }));
        world_->settle();
        pid_t pid = world_->main.prototypes("blog")[0]->pid();
        world_->main.prototypes("blog")[0]->die();
        world_->settle();
        world_->spawner.childExited(pid, SIGABRT);
        CPPUNIT_ASSERT_EQUAL(std::string("its prototype exited on signal 6 before it was ready"),
                             *report().failure);
        app().workspace()->queue().cancel(ticket);
    }

private:
    void apply(const std::string &text)
    {
        auto outcome = world_->apply(text);
        CPPUNIT_ASSERT_MESSAGE(outcome.text, outcome.ok);
    }
    app::Application &app() { return *world_->current()->applications.at(0); }
    AppReport report() { return world_->spawner.report(app()).value(); }
    std::vector<FakeWorker *> workers() { return world_->main.workers("blog"); }
    // Longer than control takes to look after it was asked.
    void pass(std::chrono::milliseconds time = 30ms)
    {
        bool passed = false;
        world_->loop.after(time, [&] { passed = true; });
        CPPUNIT_ASSERT(world_->until([&] { return passed; }));
        world_->settle();
    }
    // Like an engine, which keeps a request until there is somewhere to put it.
    ipc::Ticket push(std::uint32_t slot)
    {
        if (app().workspace() == nullptr) {
            app().askForWorkers();
            CPPUNIT_ASSERT(world_->until([&] { return app().workspace() != nullptr; }));
        }
        return app().workspace()->queue().push(slot).value();
    }
    ipc::Ticket ask(std::uint32_t slot)
    {
        ipc::Ticket ticket = push(slot);
        app().askForWorkers();
        return ticket;
    }
    // The worker in that seat takes the next one and is busy.
    void take(std::uint32_t seat)
    {
        app().workspace()->segment().layout().idle[0] &= ~(std::uint64_t{1} << seat);
        ipc::RequestConsumer consumer(app().workspace()->segment().layout(), seat);
        CPPUNIT_ASSERT(consumer.take().has_value());
    }
    void idle(std::uint32_t seat)
    {
        app().workspace()->segment().layout().idle[0] |= std::uint64_t{1} << seat;
    }

    std::unique_ptr<World> world_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ProcessesTest);

} // namespace
