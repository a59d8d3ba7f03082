// The request ring under real concurrency inside one process, which ThreadSanitizer can watch:
// engines that push and cancel, request threads that take and sleep.
#include "ipc/request_queue.hpp"
#include "ipc/support.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <deque>
#include <vector>

namespace patchbay::ipc::test {
namespace {

struct Plan {
    std::uint32_t producers;
    std::uint32_t consumers;
    std::uint32_t slotsEach; // requests one producer may have under way
    std::uint64_t requestsEach;
    std::uint32_t cancelPercent;
};

class ThreadStress {
public:
    explicit ThreadStress(const Plan &plan)
        : plan_(plan), segment_(AppSegment::create()), producer_(segment_.layout()),
          done_(std::size_t{plan.producers} * plan.slotsEach),
          fates_(plan.producers * plan.requestsEach + 2)
    {
    }

    void run()
    {
        std::vector<std::thread> threads;
        for (std::uint32_t i = 0; i < plan_.consumers; i++) {
            consumers_.emplace_back(segment_.layout(), i * 61 % kMaxSeats);
        }
        for (RequestConsumer &consumer : consumers_) {
            threads.emplace_back([this, &consumer] { consume(consumer); });
        }
        for (std::uint32_t i = 0; i < plan_.producers; i++) {
            threads.emplace_back([this, i] { produce(i); });
        }
        if (!eventually([this] { return producersDone_ == plan_.producers; })) {
            std::abort(); // a wake-up was lost, or the ring is jammed; the threads cannot be joined
        }
        quit_ = true;
        for (RequestConsumer &consumer : consumers_) {
            consumer.getUp();
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
        check();
    }

private:
    void check()
    {
        CPPUNIT_ASSERT_EQUAL(0, errors_.load());
        CPPUNIT_ASSERT_EQUAL(plan_.producers * plan_.requestsEach, taken_ + cancelled_);
        for (std::size_t position = 1; position + 1 < fates_.size(); position++) {
            CPPUNIT_ASSERT_EQUAL(1, fates_[position].load());
        }
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, producer_.backlog());
        CPPUNIT_ASSERT(!producer_.hasIdle());
        CPPUNIT_ASSERT(plan_.cancelPercent == 0 || cancelled_ > 0);
    }

    void consume(RequestConsumer &consumer)
    {
        while (!quit_) {
            std::optional<Ticket> ticket = consumer.take();
            if (!ticket) {
                consumer.sleep();
                continue;
            }
            std::uint32_t index = ticketSlot(*ticket);
            RequestSlot &slot = segment_.layout().slots[index];
            errors_ += slot.exchangeId != ~std::uint64_t{index}; // plain: take() orders it
            slot.exchangeId = 0;
            fates_[ticketPosition(*ticket)]++;
            taken_++;
            done_[index].store(*ticket, std::memory_order_release);
        }
        consumer.leave();
    }

    // One engine: its own slots, a batch of pushes per turn, then one wake().
    void produce(std::uint32_t number)
    {
        Random random(number + 1);
        std::uint32_t first = number * plan_.slotsEach;
        std::vector<Ticket> live(plan_.slotsEach, 0);
        std::uint64_t left = plan_.requestsEach;
        std::uint32_t busy = 0;
        while (left != 0 || busy != 0) {
            std::uint32_t pushed = 0;
            for (std::uint32_t i = 0; i < plan_.slotsEach; i++) {
                std::uint32_t slot = first + i;
                if (live[i] == 0) {
                    if (left != 0 && (live[i] = push(slot)) != 0) {
                        left--;
                        busy++;
                        pushed++;
                    }
                } else if (done_[slot].load(std::memory_order_acquire) == live[i]) {
                    errors_ += producer_.takenBy(live[i]).value_or(kMaxSeats) >= kMaxSeats;
                    live[i] = 0;
                    busy--;
                } else if (random.chance(plan_.cancelPercent) && producer_.cancel(live[i])) {
                    fates_[ticketPosition(live[i])]++;
                    cancelled_++;
                    live[i] = 0;
                    busy--;
                }
            }
            producer_.wake(pushed);
            if (pushed == 0) {
                std::this_thread::yield();
            }
        }
        producersDone_++;
    }

    Ticket push(std::uint32_t slot)
    {
        segment_.layout().slots[slot].exchangeId = ~std::uint64_t{slot};
        return producer_.push(slot).value_or(0);
    }

    Plan plan_;
    AppSegment segment_;
    RequestProducer producer_;
    std::deque<RequestConsumer> consumers_;
    std::vector<std::atomic<Ticket>> done_;
    std::vector<std::atomic<int>> fates_; // by position: times taken or cancelled
    std::atomic<std::uint64_t> taken_{0};
    std::atomic<std::uint64_t> cancelled_{0};
    std::atomic<std::uint32_t> producersDone_{0};
    std::atomic<int> errors_{0};
    std::atomic<bool> quit_{false};
};

constexpr std::uint64_t scaled(std::uint64_t requests)
{
    return kThreadSanitizer ? requests / 5 : requests;
}

} // namespace

class RequestQueueThreadsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RequestQueueThreadsTest);
    CPPUNIT_TEST(oneAtATime);
    CPPUNIT_TEST(oneAtATimeFromEach);
    CPPUNIT_TEST(moreSleepersThanWork);
    CPPUNIT_TEST(saturated);
    CPPUNIT_TEST(cancelled);
    CPPUNIT_TEST_SUITE_END();

public:
    // Each request finds its taker asleep or falling asleep: a single lost wake-up ends the test.
    void oneAtATime() { ThreadStress({1, 1, 1, scaled(30'000), 0}).run(); }
    void oneAtATimeFromEach() { ThreadStress({3, 3, 1, scaled(30'000), 0}).run(); }
    void moreSleepersThanWork() { ThreadStress({2, 8, 2, scaled(30'000), 0}).run(); }
    void saturated() { ThreadStress({3, 2, 500, scaled(200'000), 0}).run(); }
    void cancelled() { ThreadStress({3, 4, 40, scaled(150'000), 10}).run(); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RequestQueueThreadsTest);

} // namespace patchbay::ipc::test
