// Random operations on the request ring beside a plain model of it, step by step and with fixed
// seeds: exactly one taker, nothing lost, nothing twice, first come first served. Pushes and takes
// are also left half done, as by a preempted engine and by a killed worker.
#include "ipc/request_queue.hpp"
#include "ipc/support.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <map>
#include <set>
#include <vector>

namespace patchbay::ipc::test {
namespace {

// One thread only: ThreadSanitizer has nothing to find here, it just takes its time.
constexpr std::uint64_t kSmallRuns = kThreadSanitizer ? 8 : 30;
constexpr std::uint64_t kLargeRuns = kThreadSanitizer ? 2 : 6;

struct Cell {
    std::uint32_t slot;
    enum { reserved, queued, dead } kind;
};

class ModelRun {
public:
    ModelRun(std::uint64_t seed, std::uint32_t slots)
        : segment_(AppSegment::create()), producer_(segment_.layout()), probe_(producer_),
          random_(seed)
    {
        for (std::uint32_t slot = 0; slot < slots; slot++) {
            free_.push_back(slot);
        }
    }

    void steps(int count)
    {
        for (int i = 0; i < count; i++) {
            if (i % kPhase == 0) {
                choosePhase();
            }
            step();
            CPPUNIT_ASSERT_EQUAL(head_, segment_.layout().head.load());
            CPPUNIT_ASSERT_EQUAL(tail_ - head_, producer_.backlog());
        }
    }

    // Everything is published and taken: each ticket has had exactly one fate.
    void finish()
    {
        while (!stalled_.empty()) {
            publish();
        }
        while (queuedCount_ != 0) {
            take();
        }
        take();
        CPPUNIT_ASSERT_EQUAL(tail_, head_);
        CPPUNIT_ASSERT_EQUAL(pushed_, taken_ + cancelled_);
    }

    std::uint64_t fullCount() const { return full_; }
    std::uint64_t takenCount() const { return taken_; }
    std::uint64_t cancelledCount() const { return cancelled_; }
    std::uint64_t halfCount() const { return half_; }

private:
    static constexpr int kPhase = 30'000;

    void choosePhase()
    {
        if (random_.chance(30)) { // nobody takes: the ring fills, mostly with dead tickets
            weights_ = {20, 0, 0, 0, 8, 0, 0, 0};
            return;
        }
        for (std::uint32_t &weight : weights_) {
            weight = random_.chance(25) ? 0 : 1 + random_.below(20);
        }
    }

    void step()
    {
        using Operation = void (ModelRun::*)();
        static constexpr std::array<Operation, 8> kOperations = {
            &ModelRun::push,        &ModelRun::reserve,  &ModelRun::publish,
            &ModelRun::take,        &ModelRun::cancel,   &ModelRun::cancelTaken,
            &ModelRun::takeHalfway, &ModelRun::finishOne};
        std::uint32_t sum = 0;
        for (std::uint32_t weight : weights_) {
            sum += weight;
        }
        std::uint32_t at = random_.below(sum + 1);
        for (std::size_t i = 0; i < kOperations.size(); i++) {
            if (at < weights_[i]) {
                (this->*kOperations[i])();
                return;
            }
            at -= weights_[i];
        }
    }

    std::uint32_t takeFreeSlot()
    {
        std::swap(free_[random_.below(static_cast<std::uint32_t>(free_.size()))], free_.back());
        std::uint32_t slot = free_.back();
        free_.pop_back();
        return slot;
    }

    void push()
    {
        if (free_.empty()) {
            return;
        }
        std::uint32_t slot = takeFreeSlot();
        auto ticket = producer_.push(slot);
        CPPUNIT_ASSERT_EQUAL(tail_ - head_ < kRequestRing, ticket.has_value());
        if (!ticket) {
            full_++;
            free_.push_back(slot);
            return;
        }
        cells_[tail_] = {slot, Cell::queued};
        noteQueued(*ticket, tail_++);
    }

    void reserve()
    {
        if (free_.empty() || stalled_.size() >= 4) {
            return;
        }
        auto position = probe_.reserve();
        CPPUNIT_ASSERT_EQUAL(tail_ - head_ < kRequestRing, position.has_value());
        if (position) {
            CPPUNIT_ASSERT_EQUAL(tail_, *position);
            cells_[tail_++] = {takeFreeSlot(), Cell::reserved};
            stalled_.push_back(*position);
        }
    }

    void publish()
    {
        if (stalled_.empty()) {
            return;
        }
        std::swap(stalled_[random_.below(static_cast<std::uint32_t>(stalled_.size()))],
                  stalled_.back());
        std::uint64_t position = stalled_.back();
        stalled_.pop_back();
        Ticket ticket = probe_.publish(position, cells_[position].slot);
        cells_[position].kind = Cell::queued;
        noteQueued(ticket, position);
    }

    void noteQueued(Ticket ticket, std::uint64_t position)
    {
        CPPUNIT_ASSERT(ticket == makeTicket(position, cells_[position].slot));
        CPPUNIT_ASSERT(!producer_.takenBy(ticket));
        queued_.push_back(ticket);
        queuedCount_++;
        pushed_++;
    }

    void take()
    {
        std::uint32_t seat = random_.below(kMaxSeats);
        std::optional<Ticket> expected;
        while (!expected && head_ < tail_ && cells_[head_].kind != Cell::reserved) {
            if (cells_[head_].kind == Cell::queued) {
                expected = makeTicket(head_, cells_[head_].slot);
            }
            cells_.erase(head_++);
        }
        auto ticket = RequestConsumer(segment_.layout(), seat).take();
        CPPUNIT_ASSERT(ticket == expected);
        if (ticket) {
            noteTaken(*ticket, seat);
        }
    }

    // A worker wins the slot and is killed before it moves head.
    void takeHalfway()
    {
        for (auto &[position, cell] : cells_) {
            if (cell.kind == Cell::reserved) {
                return;
            }
            if (cell.kind == Cell::queued) {
                std::uint32_t seat = random_.below(kMaxSeats);
                segment_.layout().slots[cell.slot].state = makeState(position, Phase::taken, seat);
                cell.kind = Cell::dead;
                noteTaken(makeTicket(position, cell.slot), seat);
                half_++;
                return;
            }
        }
    }

    void noteTaken(Ticket ticket, std::uint32_t seat)
    {
        CPPUNIT_ASSERT_EQUAL(seat, producer_.takenBy(ticket).value());
        CPPUNIT_ASSERT(takers_.emplace(ticket, seat).second);
        queuedCount_--;
        taken_++;
    }

    void cancel()
    {
        while (!queued_.empty()) {
            std::swap(queued_[random_.below(static_cast<std::uint32_t>(queued_.size()))],
                      queued_.back());
            Ticket ticket = queued_.back();
            queued_.pop_back();
            auto cell = cells_.find(ticketPosition(ticket));
            if (cell == cells_.end() || cell->second.kind != Cell::queued) {
                continue; // taken meanwhile
            }
            CPPUNIT_ASSERT(producer_.cancel(ticket));
            cell->second.kind = Cell::dead;
            while (head_ < tail_ && cells_[head_].kind == Cell::dead) {
                cells_.erase(head_++);
            }
            free_.push_back(ticketSlot(ticket));
            queuedCount_--;
            cancelled_++;
            return;
        }
    }

    void cancelTaken()
    {
        if (!takers_.empty()) {
            auto [ticket, seat] = *takers_.begin();
            CPPUNIT_ASSERT(!producer_.cancel(ticket));
            CPPUNIT_ASSERT_EQUAL(seat, producer_.takenBy(ticket).value());
        }
    }

    // The answer is complete: the slot is free again, its ticket may still lie in the ring.
    void finishOne()
    {
        if (!takers_.empty()) {
            auto any = takers_.lower_bound(random_.bits());
            any = any == takers_.end() ? takers_.begin() : any;
            free_.push_back(ticketSlot(any->first));
            takers_.erase(any);
        }
    }

    AppSegment segment_;
    RequestProducer producer_;
    RequestProducerProbe probe_;
    Random random_;
    std::array<std::uint32_t, 8> weights_{};

    std::uint64_t head_ = 1;
    std::uint64_t tail_ = 1;
    std::map<std::uint64_t, Cell> cells_;    // positions head_ .. tail_ - 1
    std::vector<std::uint64_t> stalled_;     // reserved, not published
    std::vector<Ticket> queued_;             // superset of what is queued
    std::map<Ticket, std::uint32_t> takers_; // taken, not finished
    std::vector<std::uint32_t> free_;
    std::uint64_t queuedCount_ = 0;
    std::uint64_t pushed_ = 0, taken_ = 0, cancelled_ = 0, full_ = 0, half_ = 0;
};

} // namespace

class RequestQueueModelTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RequestQueueModelTest);
    CPPUNIT_TEST(fewSlots);
    CPPUNIT_TEST(allSlots);
    CPPUNIT_TEST_SUITE_END();

public:
    void fewSlots()
    {
        std::uint64_t half = 0;
        for (std::uint64_t seed = 1; seed <= kSmallRuns; seed++) {
            ModelRun run(seed, 1 + static_cast<std::uint32_t>(seed * 3));
            run.steps(20'000);
            run.finish();
            half += run.halfCount();
        }
        CPPUNIT_ASSERT(half > 1000);
    }

    // Long enough for the ring to fill with dead tickets and to go round several times.
    void allSlots()
    {
        std::uint64_t full = 0, taken = 0, cancelled = 0;
        for (std::uint64_t seed = 100; seed < 100 + kLargeRuns; seed++) {
            ModelRun run(seed, kMaxSlots);
            run.steps(120'000);
            run.finish();
            full += run.fullCount();
            taken += run.takenCount();
            cancelled += run.cancelledCount();
        }
        CPPUNIT_ASSERT(full > 100);
        CPPUNIT_ASSERT(taken > 10'000);
        CPPUNIT_ASSERT(cancelled > 10'000);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RequestQueueModelTest);

} // namespace patchbay::ipc::test
