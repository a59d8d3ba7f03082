// The reload as a whole (seed S02, S03, S24-S32, T1, T19; C1-C3, C11, C18, P21, P24).
#include "fake_world.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <random>

namespace {

using namespace patchbay;
using namespace patchbay::control;
using namespace patchbay::control::test;

constexpr const char *kBlog = R"({
    "settings": {"listen_threads": 2},
    "listeners": {"*:8080": {"pass": "applications/blog"}},
    "applications": {"blog": {"type": "python", "module": "blog", "processes": 2}}
})";

// What must be as before after a reload that was refused.
struct Counts {
    std::set<std::string> sockets;
    std::size_t engines, applications, prototypes, workers, descriptors;
    std::uint64_t generation;
    bool operator==(const Counts &) const = default;
};

class ReconfigureTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReconfigureTest);
    CPPUNIT_TEST(anAppliedConfigurationServesOnEveryEngine);
    CPPUNIT_TEST(theAnswerWaitsForEveryEngine);
    CPPUNIT_TEST(theOldGenerationIsReleasedWithItsLastPin);
    CPPUNIT_TEST(reorderedMembersKeepTheWorkers);
    CPPUNIT_TEST(aBindFailureNamesTheListener);
    CPPUNIT_TEST(aFailedStartNamesTheApplication);
    CPPUNIT_TEST(atStartAFailedApplicationStopsNobody);
    CPPUNIT_TEST(twoSpellingsOfOneAddressAreNamed);
    CPPUNIT_TEST(unknownUsersAndDirectoriesAreNamed);
    CPPUNIT_TEST(failingToGrowPutsTheEnginesBack);
    CPPUNIT_TEST(anInterruptedApplyChangesNothing);
    CPPUNIT_TEST(socketsThatStayOpenDoNotUndoAChange);
    CPPUNIT_TEST(aThousandEmptyConfigurationsLeaveNothing);
    CPPUNIT_TEST(anySequenceWithAnyFailureKeepsWhatRuns);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { world_ = std::make_unique<World>(); }
    void tearDown() override
    {
        CPPUNIT_ASSERT(world_->shutDown());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, world_->controller.liveGenerations());
        CPPUNIT_ASSERT(world_->main.sockets.empty());
        for (const std::string &breach : world_->engineLog.breaches) {
            CPPUNIT_FAIL(breach);
        }
        world_.reset();
    }

    void anAppliedConfigurationServesOnEveryEngine()
    {
        applied(kBlog);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world_->engineLog.alive.size());
        for (const FakeEngine *engine : world_->engineLog.alive) {
            CPPUNIT_ASSERT(engine->current == world_->current());
        }
        const config::ConfigSnapshot &snapshot = *world_->current();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, snapshot.generation);
        CPPUNIT_ASSERT_EQUAL(std::string("0.0.0.0:8080"),
                             snapshot.listeners.at(0).socket->canonical());
        CPPUNIT_ASSERT(snapshot.listeners[0].application == snapshot.applications.at(0));
        CPPUNIT_ASSERT(snapshot.applications[0]->running > 0);
        CPPUNIT_ASSERT(world_->controller.active()->text.starts_with("{\"settings\":{\"listen_"));
    }

    void theAnswerWaitsForEveryEngine()
    {
        applied(kBlog);
        world_->engineLog.holdSwitch = true;
        bool answered = false;
        bool early = false;
        world_->loop.after(std::chrono::milliseconds(20), [&] {
            early = answered;
            world_->engineLog.alive[0]->held.back()();
        });
        world_->loop.after(std::chrono::milliseconds(40), [&] {
            early = early || answered;
            world_->engineLog.alive[1]->held.back()();
        });
        applied(kBlog);
        answered = true;
        world_->settle();
        CPPUNIT_ASSERT(!early);
        for (FakeEngine *engine : world_->engineLog.alive) {
            engine->held.clear();
        }
    }

    // The engines have switched: what they serve is what must be shown.
    void socketsThatStayOpenDoNotUndoAChange()
    {
        applied(kBlog);
        world_->faults.mainIsStuck = true;
        applied("{}");
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, world_->controller.generation());
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), world_->controller.active()->text);
        CPPUNIT_ASSERT(world_->engineLog.alive[0]->current == world_->current());
        CPPUNIT_ASSERT(world_->until([&] { return world_->spawner.applications() == 0; }));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->main.sockets.size());
        world_->faults.mainIsStuck = false;
        applied("{}");
        CPPUNIT_ASSERT(world_->main.sockets.empty());
    }

    void theOldGenerationIsReleasedWithItsLastPin()
    {
        applied(kBlog);
        config::SnapshotPtr pin = world_->current(); // a request in flight
        applied("{}");
        world_->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world_->controller.liveGenerations());
        CPPUNIT_ASSERT(world_->main.sockets.empty()); // but nobody can connect (C6)
        pin.reset();
        CPPUNIT_ASSERT(world_->until([&] { return world_->controller.liveGenerations() == 1; }));
    }

    void reorderedMembersKeepTheWorkers()
    {
        applied(kBlog);
        auto pids = world_->main.pids("blog");
        applied(R"({"applications":{"blog":{"processes":2.0,"module":"blog","type":"python"}}})");
        world_->settle();
        CPPUNIT_ASSERT(pids == world_->main.pids("blog"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->spawner.applications());
    }

    void aBindFailureNamesTheListener()
    {
        applied(kBlog);
        world_->faults.sockets["0.0.0.0:80"] = EADDRINUSE;
        refused(R"({"listeners": {"*:81": {"pass": "applications/a"},
                                  "*:80": {"pass": "applications/a"}},
                    "applications": {"a": {"type": "python", "module": "a"}}})",
                "test:2:35: /listeners/*:80: "
                "Listener \"*:80\" cannot be opened: Address already in use.");
        world_->settle();
        CPPUNIT_ASSERT(!world_->main.sockets.contains("0.0.0.0:81"));
        CPPUNIT_ASSERT(world_->main.workers("a").empty()); // sockets come first
    }

    void aFailedStartNamesTheApplication()
    {
        applied(kBlog);
        const char *text = R"({"applications": {"a": {"type": "python", "module": "nosuch"}}})";
        world_->faults.workerFails = true;
        refused(text, "Application \"a\" cannot be started: no module named \"nosuch\"");
        world_->faults.prototypeFails = true;
        refused(text, "Application \"a\" cannot be started: the runtime is broken");
        world_->faults.prototypeErrno = EAGAIN;
        refused(text, "Application \"a\" cannot be started: ");
    }

    void atStartAFailedApplicationStopsNobody()
    {
        world_->faults.workerFails = true;
        applied(kBlog);
        CPPUNIT_ASSERT_EQUAL(0u, world_->current()->applications[0]->running.load());
        world_->faults.workerFails = false;
        CPPUNIT_ASSERT(
            world_->until([&] { return world_->current()->applications[0]->running == 2; }));
    }

    void twoSpellingsOfOneAddressAreNamed()
    {
        applied(kBlog);
        auto outcome = world_->apply(R"({"listeners": {
            "*:80": {"pass": "applications/a"},
            "0.0.0.0:80": {"pass": "applications/a"}},
            "applications": {"a": {"type": "python", "module": "a"}}})");
        CPPUNIT_ASSERT(!outcome.ok);
        contains(outcome.text, "test:3:13: /listeners/0.0.0.0:80: Listeners \"*:80\" and "
                               "\"0.0.0.0:80\" are the same address");
        contains(outcome.text, "test:2:13: /listeners/*:80: ");
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->main.asked.size());
    }

    void unknownUsersAndDirectoriesAreNamed()
    {
        applied(kBlog);
        auto text = [](const char *option) {
            return R"({"applications": {"a": {"type": "python", "module": "a", )" +
                   std::string(option) + "}}}";
        };
        refused(text(R"("user": "no-such-user")"),
                "/applications/a/user: The user \"no-such-user\" does not exist.");
        refused(text(R"("group": "no-such-group")"),
                "/applications/a/group: The group \"no-such-group\" does not exist.");
        refused(text(R"("working_directory": "/no/such/place")"), "/no/such/place");
        refused(text(R"("working_directory": "/dev/null")"), "Not a directory");
    }

    void failingToGrowPutsTheEnginesBack()
    {
        applied(kBlog);
        world_->faults.enginesLeft = 1;
        refused(R"({"settings": {"listen_threads": 5}})", "no more threads");
        world_->settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world_->engineLog.alive.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world_->engines.active());
    }

    void anInterruptedApplyChangesNothing()
    {
        applied(kBlog);
        world_->faults.holdWorkers = true; // a start that takes for ever (P24)
        world_->loop.after(std::chrono::milliseconds(10), [&] { world_->loop.interrupt(); });
        auto outcome =
            world_->apply(R"({"applications": {"a": {"type": "python", "module": "a"}}})");
        CPPUNIT_ASSERT(!outcome.ok);
        world_->loop.allow();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, world_->current()->generation);
        CPPUNIT_ASSERT(world_->until([&] { return world_->main.workers("a").empty(); }));
    }

    void aThousandEmptyConfigurationsLeaveNothing()
    {
        applied(R"({"settings": {"listen_threads": 1}})");
        world_->settle();
        std::size_t descriptors = openDescriptors();
        for (int i = 0; i < 1000; i++) {
            applied(R"({"settings": {"listen_threads": 1}})");
        }
        world_->settle();
        CPPUNIT_ASSERT_EQUAL(descriptors, openDescriptors());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->controller.liveGenerations());
    }

    // C2: random configurations, any step failing. A refused one leaves every count as it was.
    void anySequenceWithAnyFailureKeepsWhatRuns()
    {
        std::size_t refusals = 0;
        applied(R"({"settings": {"listen_threads": 1}})");
        std::size_t descriptors = openDescriptors();
        std::mt19937 random(20261123);
        for (int step = 0; step < 300; step++) {
            CPPUNIT_ASSERT(world_->until([&] { return settled(); }));
            world_->settle();
            Counts before = counts();
            config::SnapshotPtr current = world_->current();
            injectFault(random);
            bool noThreads = world_->faults.enginesLeft >= 0;
            auto outcome = world_->apply(randomConfiguration(random));
            world_->faults = {};
            if (outcome.ok) {
                CPPUNIT_ASSERT(world_->current() != current);
                continue;
            }
            refusals++;
            CPPUNIT_ASSERT(world_->current() == current);
            auto asBefore = [&] {
                Counts now = counts();
                // An application keeps its doorbell of an engine that could not be made.
                if (noThreads && now.descriptors <= before.descriptors + 4 * now.applications) {
                    now.descriptors = before.descriptors;
                }
                return settled() && now == before;
            };
            if (!world_->until(asBefore)) {
                CPPUNIT_FAIL(describe(before) + " became " + describe(counts()) + " after " +
                             outcome.text);
            }
            for (const FakeEngine *engine : world_->engineLog.alive) {
                CPPUNIT_ASSERT(engine->current == current);
            }
        }
        CPPUNIT_ASSERT(refusals > 50);
        applied(R"({"settings": {"listen_threads": 1}})");
        CPPUNIT_ASSERT(world_->until([&] { return settled(); }));
        world_->settle();
        Counts end = counts();
        CPPUNIT_ASSERT(end.sockets.empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, end.applications + end.workers + end.prototypes);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, end.engines);
        CPPUNIT_ASSERT_EQUAL(descriptors, openDescriptors());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->controller.liveGenerations());
    }

private:
    static void contains(const std::string &text, const std::string &part)
    {
        CPPUNIT_ASSERT_MESSAGE("\"" + part + "\" is not in: " + text,
                               text.find(part) != std::string::npos);
    }

    void applied(const std::string &text)
    {
        auto outcome = world_->apply(text);
        CPPUNIT_ASSERT_MESSAGE(outcome.text, outcome.ok);
    }

    void refused(const std::string &text, const std::string &why)
    {
        std::uint64_t generation = world_->current()->generation;
        auto outcome = world_->apply(text);
        CPPUNIT_ASSERT(!outcome.ok);
        contains(outcome.text, why);
        CPPUNIT_ASSERT_EQUAL(generation, world_->current()->generation);
    }

    // Nothing starts, nothing leaves.
    bool settled()
    {
        if (world_->controller.liveGenerations() != 1 ||
            world_->engines.alive() != world_->engines.active() ||
            world_->spawner.applications() != world_->current()->applications.size()) {
            return false;
        }
        for (const ApplicationPtr &application : world_->current()->applications) {
            if (application->starting != 0 || application->running == 0) {
                return false;
            }
        }
        return true;
    }

    Counts counts()
    {
        world_->main.forgetTheDead();
        Counts now{};
        for (const auto &[canonical, fd] : world_->main.sockets) {
            now.sockets.insert(canonical);
        }
        now.engines = world_->engines.alive();
        now.applications = world_->spawner.applications();
        now.prototypes = world_->main.prototypes().size();
        now.workers = world_->main.workers().size();
        now.descriptors = openDescriptors();
        now.generation = world_->current()->generation;
        return now;
    }

    static std::string describe(const Counts &counts)
    {
        std::string text = std::to_string(counts.sockets.size()) + " sockets";
        text += ", " + std::to_string(counts.engines) + " engines";
        text += ", " + std::to_string(counts.applications) + " applications";
        text += ", " + std::to_string(counts.prototypes) + " prototypes";
        text += ", " + std::to_string(counts.workers) + " workers";
        return text + ", " + std::to_string(counts.descriptors) + " descriptors";
    }

    void injectFault(std::mt19937 &random)
    {
        Faults &faults = world_->faults;
        switch (random() % 10) {
        case 0:
            faults.sockets["0.0.0.0:" + std::to_string(8000 + random() % 5)] = EACCES;
            break;
        case 1:
            faults.prototypeErrno = EAGAIN;
            break;
        case 2:
            faults.prototypeFails = true;
            break;
        case 3:
            faults.workerFails = true;
            break;
        case 4:
            faults.listenerThrows = true;
            break;
        case 5:
            faults.encoderThrows = true;
            break;
        case 6:
            faults.enginesLeft = static_cast<int>(random() % 2);
            break;
        default:
            break; // 7: a broken text; else none
        }
    }

    static std::string randomConfiguration(std::mt19937 &random)
    {
        std::string listeners;
        std::string applications;
        std::vector<std::string> names;
        for (const char *name : {"a", "b", "c"}) {
            if (random() % 3 == 0) {
                continue;
            }
            names.emplace_back(name);
            applications += std::string(applications.empty() ? "" : ",") + "\"" + name +
                            R"(": {"type": "python", "module": "m)" + std::to_string(random() % 2) +
                            R"(", "processes": )" + std::to_string(1 + random() % 2) + "}";
        }
        for (int port = 8000; port < 8005 && !names.empty(); port++) {
            if (random() % 2 == 0) {
                continue;
            }
            listeners += std::string(listeners.empty() ? "" : ",") + "\"*:" + std::to_string(port) +
                         R"(": {"pass": "applications/)" + names[random() % names.size()] +
                         R"(", "backlog": )" + std::to_string(5 + random() % 2) + "}";
        }
        bool broken = random() % 10 == 0;
        return R"({"settings": {"listen_threads": )" + std::to_string(1 + random() % 3) +
               R"(}, "listeners": {)" + listeners + R"(}, "applications": {)" + applications +
               (broken ? "}" : "}}");
    }

    std::unique_ptr<World> world_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReconfigureTest);

} // namespace
