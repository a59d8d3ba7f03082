// How long requests wait and applications may be silent, how many wait, and when engines ask for
// workers. Real time passes, but nothing depends on how much of it.
#include "router/rig/link_rig.hpp"

#include <cppunit/extensions/HelperMacros.h>

using namespace patchbay;
using namespace std::chrono_literals;
using namespace patchbay::rig;

namespace {

app::Limits limits(std::chrono::milliseconds answer, std::chrono::milliseconds queue = 1h)
{
    app::Limits limits;
    limits.answer = answer;
    limits.queue = queue;
    return limits;
}

class LimitsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LimitsTest);
    CPPUNIT_TEST(waitingEnds);
    CPPUNIT_TEST(whatIsTakenWaitsNoLonger);
    CPPUNIT_TEST(silenceEnds);
    CPPUNIT_TEST(silenceAfterTheHeadEnds);
    CPPUNIT_TEST(slowClientsAreNotSilence);
    CPPUNIT_TEST(noLimitNoEnd);
    CPPUNIT_TEST(queueLength);
    CPPUNIT_TEST(enginesAskForWorkers);
    CPPUNIT_TEST(enginesKeepSpareSeats);
    CPPUNIT_TEST(whoWaitsIsFoundLater);
    CPPUNIT_TEST_SUITE_END();

    void waitingEnds()
    {
        Rig rig(512, limits(0ms, 20ms));
        Asker asker;
        CPPUNIT_ASSERT(!rig.start(asker));
        CPPUNIT_ASSERT(rig.turnUntil([&] { return asker.over(); }));
        CPPUNIT_ASSERT_EQUAL(503u, asker.failure);
        CPPUNIT_ASSERT_EQUAL(1u, asker.retryAfter);
        CPPUNIT_ASSERT(!rig.consumer.take()); // no worker sees it
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, rig.application->refusedLate.load());
        CPPUNIT_ASSERT(isClean(*rig.application));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, rig.application->inFlight.load());
    }

    void whatIsTakenWaitsNoLonger()
    {
        Rig rig(512, limits(0ms, 20ms));
        Asker taken, waiting;
        CPPUNIT_ASSERT(!rig.start(taken));
        const auto ticket = rig.consumer.take();
        CPPUNIT_ASSERT(ticket && !rig.start(waiting));
        CPPUNIT_ASSERT(rig.turnUntil([&] { return waiting.over(); }));
        rig.turnFor(60ms);
        CPPUNIT_ASSERT(!taken.over());
        rig.reply(*ticket, replyHead(200) + "x", ipc::kReplyLast);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(1, taken.ends);
    }

    void silenceEnds() // P3, P4
    {
        Rig rig(512, limits(20ms));
        std::vector<app::WorkerView *> hangs;
        rig.application->setOverseer({[] {},
                                      [&](const std::shared_ptr<app::WorkerView> &worker) {
                                          hangs.push_back(worker.get());
                                      }});
        Asker asker, queued;
        CPPUNIT_ASSERT(!rig.start(asker) && !rig.start(queued));
        const auto ticket = rig.consumer.take();
        CPPUNIT_ASSERT(rig.turnUntil([&] { return asker.over(); }));
        CPPUNIT_ASSERT_EQUAL(503u, asker.failure);
        CPPUNIT_ASSERT_EQUAL(0u, asker.retryAfter);
        CPPUNIT_ASSERT(hangs == std::vector<app::WorkerView *>{rig.view.get()});
        CPPUNIT_ASSERT(!queued.over()); // its time has not begun
        CPPUNIT_ASSERT_EQUAL(1u, rig.application->workspace()
                                     ->segment()
                                     .layout()
                                     .slots[ipc::ticketSlot(*ticket)]
                                     .cancelled.load());
        Asker next; // the same exchange would do: its slot is another one
        CPPUNIT_ASSERT(!rig.start(next));
        rig.reply(*ticket, replyHead(200) + "late", ipc::kReplyLast);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT(asker.status == 0 && next.status == 0 && queued.status == 0);
        CPPUNIT_ASSERT_EQUAL(2u, rig.link.records()); // the hanging one's slot is back
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, rig.application->timedOut.load());
        CPPUNIT_ASSERT(rig.repliesBack());
    }

    void silenceAfterTheHeadEnds()
    {
        Rig rig(512, limits(20ms));
        Asker asker;
        CPPUNIT_ASSERT(!rig.start(asker));
        const auto ticket = rig.consumer.take();
        rig.reply(*ticket, replyHead(200) + "first", 0);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(200u, asker.status);
        CPPUNIT_ASSERT(rig.turnUntil([&] { return asker.over(); }));
        CPPUNIT_ASSERT_EQUAL(1, asker.failures);
        CPPUNIT_ASSERT_EQUAL(std::string("first"), asker.body);
        rig.link.workerGone(*rig.view);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT(isClean(*rig.application));
    }

    void slowClientsAreNotSilence()
    {
        Rig rig(512, limits(20ms));
        Asker asker;
        asker.keepRuns = true;
        CPPUNIT_ASSERT(!rig.start(asker));
        const auto ticket = rig.consumer.take();
        rig.reply(*ticket, replyHead(200), 0);
        for (int i = 0; i < 4; i++) { // nearly a window full: the worker cannot send more
            rig.reply(*ticket, std::string(250'000, 'x'), 0);
        }
        rig.links.endOfTurn();
        rig.turnFor(100ms);
        CPPUNIT_ASSERT(!asker.over());
        asker.runs.clear(); // the client has read it all
        CPPUNIT_ASSERT(rig.turnUntil([&] { return asker.over(); }));
        CPPUNIT_ASSERT_EQUAL(1, asker.failures);
    }

    void noLimitNoEnd()
    {
        Rig rig(512, limits(0ms));
        Asker asker;
        CPPUNIT_ASSERT(!rig.start(asker));
        const auto ticket = rig.consumer.take();
        rig.turnFor(600ms); // it is looked at twice
        CPPUNIT_ASSERT(!asker.over());
        rig.reply(*ticket, replyHead(200), ipc::kReplyLast);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(1, asker.ends);
    }

    void queueLength() // I8
    {
        app::Limits three;
        three.queueLength = 3;
        Rig rig(512, three);
        Asker served, first, second, third, refused, late;
        CPPUNIT_ASSERT(!rig.start(served) && rig.consumer.take());
        CPPUNIT_ASSERT(!rig.start(first) && !rig.start(second) && !rig.start(third));
        auto failure = rig.start(refused);
        CPPUNIT_ASSERT(failure && failure->status == 503 && failure->retryAfter == 1);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, rig.application->refusedFull.load());
        second.exchange.abandon(); // its client left
        CPPUNIT_ASSERT(!rig.start(refused));
        CPPUNIT_ASSERT(rig.start(late));
        // Somebody is about to take one.
        rig.application->workspace()->segment().layout().idle[0] |= 1;
        CPPUNIT_ASSERT(!rig.start(late));
        rig.application->workspace()->segment().layout().idle[0] = 0;
    }

    void enginesAskForWorkers() // S40
    {
        Rig rig;
        int asked = 0;
        rig.application->setOverseer({[&] { asked++; }, {}});
        Asker one, two, three, four;
        CPPUNIT_ASSERT(!rig.start(one));
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(0, asked); // there would be none
        rig.application->mayGrow = true;
        CPPUNIT_ASSERT(!rig.start(two));
        CPPUNIT_ASSERT_EQUAL(0, asked);
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(1, asked);
        CPPUNIT_ASSERT(!rig.start(three));
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(1, asked); // one message at a time
        rig.application->hearAgain();
        rig.application->workspace()->segment().layout().idle[0] = 1; // one is there for it
        CPPUNIT_ASSERT(!rig.start(four));
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(1, asked);
    }

    void enginesKeepSpareSeats()
    {
        app::Limits spare;
        spare.spareSeats = 2;
        Rig rig(512, spare);
        int asked = 0;
        rig.application->setOverseer({[&] { asked++; }, {}});
        rig.application->mayGrow = true;
        rig.application->workspace()->segment().layout().idle[0] = 0b111;
        Asker one, two;
        CPPUNIT_ASSERT(!rig.start(one));
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(0, asked); // two are left
        CPPUNIT_ASSERT(!rig.start(two));
        rig.links.endOfTurn();
        CPPUNIT_ASSERT_EQUAL(1, asked);
        rig.application->workspace()->segment().layout().idle[0] = 0;
    }

    // The worker it had been left to is gone.
    void whoWaitsIsFoundLater()
    {
        Rig rig;
        int asked = 0;
        rig.application->setOverseer({[&] { asked++; }, {}});
        Asker asker;
        CPPUNIT_ASSERT(!rig.start(asker));
        rig.links.endOfTurn();
        rig.application->mayGrow = true;
        CPPUNIT_ASSERT(rig.turnUntil([&] { return asked == 1; }));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(LimitsTest);

} // namespace
