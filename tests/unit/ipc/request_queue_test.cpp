#include "ipc/request_queue.hpp"
#include "ipc/support.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <vector>

namespace patchbay::ipc::test {

class RequestQueueTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RequestQueueTest);
    CPPUNIT_TEST(emptyAtFirst);
    CPPUNIT_TEST(firstComeFirstServed);
    CPPUNIT_TEST(takerIsKnown);
    CPPUNIT_TEST(cancelledIsNeverTaken);
    CPPUNIT_TEST(takenIsNotCancelled);
    CPPUNIT_TEST(oldTicketOfAReusedSlotIsDead);
    CPPUNIT_TEST(fullOfDeadTickets);
    CPPUNIT_TEST(cancelledAtTheFrontMakeRoom);
    CPPUNIT_TEST(takerThatDiesHalfwayJamsNothing);
    CPPUNIT_TEST(positionsWrapAt40Bits);
    CPPUNIT_TEST(hostileHead);
    CPPUNIT_TEST(hostileCell);
    CPPUNIT_TEST(hostileState);
    CPPUNIT_TEST(wakesLowestSeatsFirst);
    CPPUNIT_TEST(countsWhoWaits);
    CPPUNIT_TEST(countsWhatSeatsTake);
    CPPUNIT_TEST(forgottenSeatsPassTheirWakeUpOn);
    CPPUNIT_TEST(doesNotSleepOverATicket);
    CPPUNIT_TEST(getUpEndsTheNextSleep);
    CPPUNIT_TEST(getUpEndsThisSleep);
    CPPUNIT_TEST(wakeEndsThisSleep);
    CPPUNIT_TEST(leavingSeatPassesItsWakeUpOn);
    CPPUNIT_TEST(nothingIsTakenOverAGap);
    CPPUNIT_TEST(gapIsPaidForWhenItCloses);
    CPPUNIT_TEST_SUITE_END();

public:
    RequestQueueTest() : segment_(AppSegment::create()) {}

    void setUp() override
    {
        segment_ = AppSegment::create();
        producer_ = std::make_unique<RequestProducer>(shared());
    }

    void emptyAtFirst()
    {
        CPPUNIT_ASSERT(!consumer(0).take());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, producer_->backlog());
        CPPUNIT_ASSERT(!producer_->hasIdle());
        CPPUNIT_ASSERT_EQUAL(0U, producer_->wake(10));
        shared().head = 0; // zeroed memory is no ticket either
        CPPUNIT_ASSERT(!consumer(0).take());
        CPPUNIT_ASSERT_EQUAL(5U, ticketSlot(push(5)));
        CPPUNIT_ASSERT_EQUAL(5U, ticketSlot(consumer(0).take().value()));
    }

    void firstComeFirstServed()
    {
        std::vector<Ticket> tickets;
        for (std::uint32_t slot : {7U, 3U, kMaxSlots - 1, 0U}) {
            tickets.push_back(push(slot));
            CPPUNIT_ASSERT_EQUAL(slot, ticketSlot(tickets.back()));
        }
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, producer_->backlog());
        for (Ticket ticket : tickets) {
            CPPUNIT_ASSERT_EQUAL(ticket, consumer(0).take().value());
        }
        CPPUNIT_ASSERT(!consumer(0).take());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, producer_->backlog());
    }

    void takerIsKnown()
    {
        Ticket ticket = push(1);
        CPPUNIT_ASSERT(!producer_->takenBy(ticket));
        CPPUNIT_ASSERT(consumer(kMaxSeats - 1).take() == ticket);
        CPPUNIT_ASSERT_EQUAL(kMaxSeats - 1, producer_->takenBy(ticket).value());
    }

    void cancelledIsNeverTaken()
    {
        Ticket first = push(1);
        Ticket second = push(2);
        Ticket third = push(3);
        CPPUNIT_ASSERT(producer_->cancel(second));
        CPPUNIT_ASSERT(consumer(0).take() == first);
        CPPUNIT_ASSERT(consumer(0).take() == third);
        CPPUNIT_ASSERT(!consumer(0).take());
    }

    void takenIsNotCancelled()
    {
        Ticket ticket = push(1);
        CPPUNIT_ASSERT(consumer(9).take() == ticket);
        CPPUNIT_ASSERT(!producer_->cancel(ticket));
        CPPUNIT_ASSERT_EQUAL(9U, producer_->takenBy(ticket).value());
    }

    void oldTicketOfAReusedSlotIsDead()
    {
        Ticket blocker = push(1);
        Ticket old = push(2);
        CPPUNIT_ASSERT(producer_->cancel(old)); // stays in the ring, behind the blocker
        Ticket fresh = push(2);
        CPPUNIT_ASSERT(fresh != old);
        CPPUNIT_ASSERT(consumer(0).take() == blocker);
        CPPUNIT_ASSERT(consumer(0).take() == fresh);
        CPPUNIT_ASSERT(!consumer(0).take());
    }

    void fullOfDeadTickets()
    {
        Ticket blocker = push(0);
        for (std::uint32_t i = 1; i < kRequestRing; i++) {
            CPPUNIT_ASSERT(producer_->cancel(push(1)));
        }
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{kRequestRing}, producer_->backlog());
        CPPUNIT_ASSERT(!producer_->push(1));
        CPPUNIT_ASSERT(consumer(0).take() == blocker);
        Ticket next = push(1);
        CPPUNIT_ASSERT(consumer(0).take() == next);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, producer_->backlog());
    }

    void cancelledAtTheFrontMakeRoom()
    {
        for (std::uint32_t i = 0; i < 3 * kRequestRing; i++) {
            CPPUNIT_ASSERT(producer_->cancel(push(i % kMaxSlots)));
        }
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, producer_->backlog());
        Ticket front = push(1);
        Ticket behind = push(2);
        CPPUNIT_ASSERT(producer_->cancel(behind));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, producer_->backlog());
        CPPUNIT_ASSERT(producer_->cancel(front));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, producer_->backlog());
    }

    void takerThatDiesHalfwayJamsNothing()
    {
        Ticket first = push(1);
        Ticket second = push(2);
        takeHalfway(first, 77);
        CPPUNIT_ASSERT(consumer(0).take() == second);
        CPPUNIT_ASSERT_EQUAL(77U, producer_->takenBy(first).value());
        CPPUNIT_ASSERT(!producer_->cancel(first));

        Ticket third = push(3);
        Ticket fourth = push(4);
        takeHalfway(third, 78);
        CPPUNIT_ASSERT(producer_->cancel(fourth)); // the producer helps, too
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, producer_->backlog());
    }

    void positionsWrapAt40Bits()
    {
        RequestProducerProbe(*producer_).startAt((std::uint64_t{1} << 40) - 5);
        for (std::uint32_t i = 0; i < 10; i++) {
            Ticket kept = push(i);
            Ticket dropped = push(100 + i);
            CPPUNIT_ASSERT(!producer_->takenBy(kept));
            CPPUNIT_ASSERT(producer_->cancel(dropped));
            CPPUNIT_ASSERT(consumer(3).take() == kept);
            CPPUNIT_ASSERT_EQUAL(3U, producer_->takenBy(kept).value());
            CPPUNIT_ASSERT(!consumer(3).take());
            CPPUNIT_ASSERT(!producer_->cancel(kept));
        }
    }

    void hostileHead()
    {
        Ticket ticket = push(1); // position 1, tail 2
        for (std::uint64_t head :
             {std::uint64_t{3}, std::uint64_t{1} << 39, std::uint64_t{3} << 62 | 1 << 20,
              UINT64_MAX, UINT64_MAX - kRequestRing}) {
            shared().head = head;
            std::optional<Ticket> pushed = producer_->push(2);
            if (pushed) {
                CPPUNIT_ASSERT(producer_->cancel(*pushed));
            }
            CPPUNIT_ASSERT(producer_->backlog() <= kRequestRing);
            CPPUNIT_ASSERT(!producer_->takenBy(ticket));
            CPPUNIT_ASSERT(!consumer(0).take());
        }
        shared().head = 2; // skipped over a live ticket: lost to workers, still ours to cancel
        CPPUNIT_ASSERT(!producer_->takenBy(ticket));
        CPPUNIT_ASSERT(producer_->cancel(ticket));
        shared().head = 0; // behind: the ring looks longer than it is
        Ticket next = push(3);
        CPPUNIT_ASSERT(consumer(0).take() == next);
    }

    void hostileCell()
    {
        push(1);
        shared().ring[1] = makeTicket(1, kMaxSlots); // a slot that does not exist
        Ticket second = push(2);
        CPPUNIT_ASSERT(consumer(0).take() == second);
        CPPUNIT_ASSERT(!consumer(0).take());
        shared().ring[3] = makeTicket(3, 0xFFFFFF); // never pushed: leads head past the tail
        CPPUNIT_ASSERT(!consumer(0).take());
        CPPUNIT_ASSERT(!producer_->push(3));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, producer_->backlog());
    }

    void hostileState()
    {
        for (SlotState state : {SlotState{0}, ~SlotState{0}, makeState(99, Phase::taken, 1),
                                makeState(99, Phase::queued, 0), makeState(1, Phase::free, 0)}) {
            Ticket ticket = push(1);
            shared().slots[1].state = state;
            CPPUNIT_ASSERT_EQUAL(kMaxSeats, producer_->takenBy(ticket).value());
            CPPUNIT_ASSERT(producer_->cancel(ticket));
            CPPUNIT_ASSERT(!consumer(0).take());
        }
        Ticket ticket = push(1);
        shared().slots[1].state = makeState(ticketPosition(ticket), Phase::taken, kMaxSeats);
        CPPUNIT_ASSERT(producer_->takenBy(ticket).value() >= kMaxSeats);
        CPPUNIT_ASSERT(producer_->cancel(ticket)); // nobody sits there
    }

    void countsWhoWaits()
    {
        CPPUNIT_ASSERT(producer_->waiting(0) && !producer_->waiting(1));
        std::vector<Ticket> tickets;
        for (std::uint32_t slot = 1; slot <= 5; slot++) {
            tickets.push_back(push(slot));
        }
        CPPUNIT_ASSERT(producer_->waiting(5) && !producer_->waiting(6));
        producer_->cancel(tickets[2]); // lies in the ring as before
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, producer_->backlog());
        CPPUNIT_ASSERT(producer_->waiting(4) && !producer_->waiting(5));
        shared().idle[0] |= 0b110; // two are about to be taken
        CPPUNIT_ASSERT(producer_->waiting(2) && !producer_->waiting(3));
        shared().idle[0] = 0;
        shared().head = ~std::uint64_t{0}; // whatever somebody scribbles there
        CPPUNIT_ASSERT(!producer_->waiting(1));
        shared().head = 0;
        CPPUNIT_ASSERT(producer_->waiting(1));
    }

    void countsWhatSeatsTake()
    {
        for (std::uint32_t slot = 1; slot <= 3; slot++) {
            push(slot);
        }
        CPPUNIT_ASSERT(consumer(4).take() && consumer(5).take() && consumer(5).take());
        CPPUNIT_ASSERT(!consumer(5).take());
        CPPUNIT_ASSERT_EQUAL(3u, producer_->servedBy(4, 2));
        CPPUNIT_ASSERT_EQUAL(2u, producer_->servedBy(5, 1));
        CPPUNIT_ASSERT_EQUAL(0u, producer_->servedBy(kMaxSeats - 1, UINT32_MAX));
        producer_->forgetSeats(5, 1);
        CPPUNIT_ASSERT_EQUAL(1u, producer_->servedBy(4, 2));
    }

    void wakesLowestSeatsFirst()
    {
        for (std::uint32_t seat : {70U, 5U, kMaxSeats - 1, 6U}) {
            shared().idle[seat / 64] |= std::uint64_t{1} << (seat % 64);
        }
        CPPUNIT_ASSERT(producer_->hasIdle());
        CPPUNIT_ASSERT_EQUAL(4u, producer_->idleSeats());
        CPPUNIT_ASSERT_EQUAL(2u, producer_->idleSeats(2));
        CPPUNIT_ASSERT_EQUAL(2u, producer_->idleOf(5, 2));
        CPPUNIT_ASSERT_EQUAL(1u, producer_->idleOf(kMaxSeats - 1, UINT32_MAX));
        CPPUNIT_ASSERT_EQUAL(2u, producer_->idleOf(5, 3));
        CPPUNIT_ASSERT_EQUAL(1u, producer_->idleOf(4, 2));
        CPPUNIT_ASSERT_EQUAL(0U, producer_->wake(0));
        CPPUNIT_ASSERT_EQUAL(2U, producer_->wake(2));
        CPPUNIT_ASSERT_EQUAL(1U, shared().seats[5].wake.load());
        CPPUNIT_ASSERT_EQUAL(1U, shared().seats[6].wake.load());
        CPPUNIT_ASSERT_EQUAL(0U, shared().seats[70].wake.load());
        CPPUNIT_ASSERT_EQUAL(2U, producer_->wake(UINT32_MAX));
        CPPUNIT_ASSERT_EQUAL(1U, shared().seats[kMaxSeats - 1].wake.load());
        CPPUNIT_ASSERT(!producer_->hasIdle());
        CPPUNIT_ASSERT_EQUAL(0U, producer_->wake(1));
    }

    void forgottenSeatsPassTheirWakeUpOn()
    {
        setIdle(10);
        setIdle(11);
        setIdle(12);
        producer_->forgetSeats(10, 2);
        CPPUNIT_ASSERT_EQUAL(0U, shared().seats[12].wake.load()); // nothing is queued
        push(1);
        CPPUNIT_ASSERT_EQUAL(1U, producer_->wake(1));
        CPPUNIT_ASSERT_EQUAL(1U, shared().seats[12].wake.load());
        setIdle(13);
        producer_->forgetSeats(12, 1); // died with the wake-up
        CPPUNIT_ASSERT_EQUAL(1U, shared().seats[13].wake.load());
        CPPUNIT_ASSERT(!producer_->hasIdle());
        setIdle(kMaxSeats - 1);
        producer_->forgetSeats(kMaxSeats - 1, UINT32_MAX);
        CPPUNIT_ASSERT(!producer_->hasIdle());
    }

    void doesNotSleepOverATicket()
    {
        push(1);
        consumer(4).sleep();
        CPPUNIT_ASSERT(!producer_->hasIdle());
    }

    void getUpEndsTheNextSleep()
    {
        RequestConsumer sleeper(shared(), 4);
        sleeper.getUp();
        sleeper.sleep();
        CPPUNIT_ASSERT(!producer_->hasIdle());
    }

    void getUpEndsThisSleep()
    {
        Sleeper sleeper(shared(), 4);
        CPPUNIT_ASSERT(eventually([&] { return producer_->hasIdle(); }));
        sleeper.consumer.getUp();
        CPPUNIT_ASSERT(sleeper.isAwake());
        CPPUNIT_ASSERT(!producer_->hasIdle());
    }

    void wakeEndsThisSleep()
    {
        Sleeper sleeper(shared(), 4);
        CPPUNIT_ASSERT(eventually([&] { return producer_->hasIdle(); }));
        CPPUNIT_ASSERT_EQUAL(1U, producer_->wake(1));
        CPPUNIT_ASSERT(sleeper.isAwake());
    }

    void leavingSeatPassesItsWakeUpOn()
    {
        setIdle(1);
        setIdle(2);
        push(1);
        CPPUNIT_ASSERT_EQUAL(1U, producer_->wake(1)); // seat 1, which leaves instead of taking
        consumer(1).leave();
        CPPUNIT_ASSERT_EQUAL(1U, shared().seats[2].wake.load());
        CPPUNIT_ASSERT(consumer(2).take());
        setIdle(2);
        consumer(1).leave(); // nothing queued: nobody is disturbed
        CPPUNIT_ASSERT(producer_->hasIdle());
    }

    void nothingIsTakenOverAGap()
    {
        RequestProducerProbe probe(*producer_);
        std::uint64_t stalled = probe.reserve().value();
        Ticket later = push(2);
        CPPUNIT_ASSERT(!consumer(0).take());
        CPPUNIT_ASSERT(producer_->cancel(later));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, producer_->backlog());
        Ticket last = push(3);
        Ticket first = probe.publish(stalled, 1);
        CPPUNIT_ASSERT(consumer(0).take() == first);
        CPPUNIT_ASSERT(consumer(0).take() == last);
        CPPUNIT_ASSERT(!consumer(0).take());
    }

    // Seats woken for later tickets found nothing and sleep again; who closes the gap wakes for
    // them too.
    void gapIsPaidForWhenItCloses()
    {
        RequestProducerProbe probe(*producer_);
        std::uint64_t stalled = probe.reserve().value();
        push(2);
        push(3);
        for (std::uint32_t seat : {0U, 1U, 2U, 3U}) {
            setIdle(seat);
        }
        CPPUNIT_ASSERT_EQUAL(2U, producer_->wake(2));
        CPPUNIT_ASSERT(!consumer(0).take());
        CPPUNIT_ASSERT(!consumer(1).take());
        setIdle(0);
        setIdle(1);
        probe.publish(stalled, 1);
        CPPUNIT_ASSERT_EQUAL(3U, producer_->wake(1));
        setIdle(0);
        push(4);
        CPPUNIT_ASSERT_EQUAL(1U, producer_->wake(1)); // paid once
    }

private:
    // A thread in RequestConsumer::sleep().
    struct Sleeper {
        Sleeper(AppSegmentLayout &shared, std::uint32_t seat)
            : consumer(shared, seat), thread([this] {
                  consumer.sleep();
                  awake = true;
              })
        {
        }
        Sleeper(const Sleeper &) = delete;
        Sleeper &operator=(const Sleeper &) = delete;
        ~Sleeper()
        {
            consumer.getUp();
            thread.join();
        }
        bool isAwake()
        {
            return eventually([this] { return awake.load(); });
        }

        RequestConsumer consumer;
        std::atomic<bool> awake{false};
        std::thread thread;
    };

    AppSegmentLayout &shared() { return segment_.layout(); }
    RequestConsumer consumer(std::uint32_t seat) { return {shared(), seat}; }
    Ticket push(std::uint32_t slot) { return producer_->push(slot).value(); }
    void setIdle(std::uint32_t seat)
    {
        shared().idle[seat / 64] |= std::uint64_t{1} << (seat % 64);
        shared().seats[seat].wake = 0;
    }
    // What a worker leaves behind that is killed right after its compare-and-swap.
    void takeHalfway(Ticket ticket, std::uint32_t seat)
    {
        shared().slots[ticketSlot(ticket)].state =
            makeState(ticketPosition(ticket), Phase::taken, seat);
    }

    AppSegment segment_;
    std::unique_ptr<RequestProducer> producer_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RequestQueueTest);

} // namespace patchbay::ipc::test
