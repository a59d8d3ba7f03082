// Requests for an application that has no workspace yet: they wait on their engine until [control]
// has made one, or cannot.
#include "router/rig/link_rig.hpp"

#include <cppunit/extensions/HelperMacros.h>

using namespace patchbay;
using namespace std::chrono_literals;
using namespace patchbay::rig;

namespace {

class UnopenedTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(UnopenedTest);
    CPPUNIT_TEST(asksOnceAndHandsOverLater);
    CPPUNIT_TEST(givesUp);
    CPPUNIT_TEST(waitsNoLongerThanItMay);
    CPPUNIT_TEST(aClientLeaves);
    CPPUNIT_TEST(theQueueIsBounded);
    CPPUNIT_TEST(theEngineMaySleep);
    CPPUNIT_TEST_SUITE_END();

    void asksOnceAndHandsOverLater()
    {
        LinkRig rig;
        int asked = 0;
        rig.application->setOverseer({[&] { asked++; }, nullptr});
        rig.application->mayGrow = true;
        Asker first, second;
        CPPUNIT_ASSERT(!rig.start(first) && !rig.start(second));
        rig.turnFor(50ms); // it tries again and again
        CPPUNIT_ASSERT_EQUAL(1, asked);
        CPPUNIT_ASSERT(rig.application->workspace() == nullptr);
        CPPUNIT_ASSERT(!first.exchange.isTaken() && !first.over());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, rig.application->inFlight.load());

        rig.application->hearAgain();
        CPPUNIT_ASSERT(rig.open());
        rig.turn();
        CPPUNIT_ASSERT_EQUAL(2, asked); // now for a worker
        CPPUNIT_ASSERT_EQUAL(2u, rig.link.records());
        ipc::RequestConsumer consumer(rig.application->workspace()->segment().layout(), 0);
        CPPUNIT_ASSERT(consumer.take() && first.exchange.isTaken() && !second.exchange.isTaken());
        second.exchange.abandon();
        first.exchange.abandon();
    }

    // What [control] says when there is no descriptor or no memory for it.
    void givesUp()
    {
        LinkRig rig;
        Asker asker;
        CPPUNIT_ASSERT(!rig.start(asker));
        rig.link.down();
        CPPUNIT_ASSERT_EQUAL(503u, asker.failure);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, rig.application->unavailable.load());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, rig.application->inFlight.load());
        Asker next;
        CPPUNIT_ASSERT(!rig.start(next));
        CPPUNIT_ASSERT(rig.open());
        rig.turn();
        CPPUNIT_ASSERT_EQUAL(1u, rig.link.records());
        next.exchange.abandon();
    }

    void waitsNoLongerThanItMay()
    {
        app::Limits limits;
        limits.queue = 20ms;
        LinkRig rig(limits);
        Asker asker;
        CPPUNIT_ASSERT(!rig.start(asker));
        CPPUNIT_ASSERT(rig.turnUntil([&] { return asker.over(); }));
        CPPUNIT_ASSERT_EQUAL(503u, asker.failure);
        rig.turn();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, rig.application->refusedLate.load());
    }

    void aClientLeaves()
    {
        LinkRig rig;
        Asker asker;
        CPPUNIT_ASSERT(!rig.start(asker));
        asker.exchange.peerDone();
        asker.exchange.abandon();
        rig.turn();
        CPPUNIT_ASSERT_EQUAL(0, asker.failures);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, rig.application->inFlight.load());
        CPPUNIT_ASSERT(rig.open());
        rig.turn();
        CPPUNIT_ASSERT_EQUAL(0u, rig.link.records());
    }

    void theQueueIsBounded()
    {
        app::Limits limits;
        limits.queueLength = 2;
        LinkRig rig(limits);
        Asker askers[3];
        CPPUNIT_ASSERT(!rig.start(askers[0]) && !rig.start(askers[1]));
        const std::optional<app::Failure> refused = rig.start(askers[2]);
        CPPUNIT_ASSERT(refused.has_value());
        CPPUNIT_ASSERT_EQUAL(503u, unsigned{refused->status});
        rig.turn();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, rig.application->refusedFull.load());
        askers[0].exchange.abandon();
        askers[1].exchange.abandon();
    }

    void theEngineMaySleep()
    {
        LinkRig rig;
        Asker asker;
        CPPUNIT_ASSERT(!rig.start(asker));
        CPPUNIT_ASSERT(rig.links.isBusy() && !rig.links.hasArrived());
        CPPUNIT_ASSERT(rig.links.prepareSleep());
        CPPUNIT_ASSERT(rig.open()); // by a message that ends the sleep
        rig.links.endSleep();
        rig.turn();
        CPPUNIT_ASSERT_EQUAL(1u, rig.link.records());
        asker.exchange.abandon();
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(UnopenedTest);

} // namespace
