#include "ipc/reply_ring.hpp"
#include "ipc/support.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <poll.h>
#include <sys/eventfd.h>

#include <vector>

namespace patchbay::ipc::test {
namespace {

using Result = ReplyConsumer::Result;

ReplyEntry entryOf(std::uint64_t number)
{
    auto small = static_cast<std::uint32_t>(number);
    return {number, small + 1, small + 2, small + 3, small + 4, number + 5};
}

bool isEntry(const ReplyEntry &entry, std::uint64_t number)
{
    ReplyEntry expected = entryOf(number);
    return entry.ticket == expected.ticket && entry.unit == expected.unit &&
           entry.units == expected.units && entry.size == expected.size &&
           entry.flags == expected.flags && entry.takenAt == expected.takenAt;
}

// An engine and its workers as threads, each worker with a segment of its own. Every reply is
// pushed with back-pressure and a knock, as the worker does it.
class ReplyTraffic {
public:
    static constexpr std::uint32_t kWorkers = 3;
    static constexpr std::uint64_t kReplies = kThreadSanitizer ? 10'000 : 60'000;

    ReplyTraffic() : app_(AppSegment::create()), doorbell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
    {
        for (std::uint32_t i = 0; i < kWorkers; i++) {
            segments_.push_back(WorkerSegment::create(1));
        }
    }

    // The engine's loop: false if it slept although replies were missing.
    bool run()
    {
        std::vector<std::thread> threads;
        std::vector<ReplyConsumer> rings;
        for (std::uint32_t i = 0; i < kWorkers; i++) {
            rings.emplace_back(segments_[i].layout().rings[kEngine]);
            threads.emplace_back([this, i] { work(i); });
        }
        bool healthy = true;
        while (healthy && !done()) {
            if (prepareSleep(door())) {
                pollfd item{doorbell_.get(), POLLIN, 0};
                healthy = poll(&item, 1, static_cast<int>(kBound.count() * 1000)) == 1;
                endSleep(door());
                std::uint64_t count = 0;
                [[maybe_unused]] ssize_t size = read(doorbell_.get(), &count, sizeof count);
                sleeps_++;
            }
            for (std::uint64_t dirty = takeDirty(door(), 0); dirty != 0; dirty &= dirty - 1) {
                healthy =
                    collect(rings, static_cast<std::uint32_t>(__builtin_ctzll(dirty))) && healthy;
            }
        }
        if (!healthy) {
            std::abort(); // the workers cannot be joined
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
        return sleeps_ > 0;
    }

private:
    static constexpr std::uint32_t kEngine = 200;

    EngineDoor &door() { return app_.layout().doors[kEngine]; }

    bool done() const
    {
        for (std::uint64_t next : next_) {
            if (next != kReplies) {
                return false;
            }
        }
        return true;
    }

    bool collect(std::vector<ReplyConsumer> &rings, std::uint32_t worker)
    {
        ReplyEntry entry{};
        for (;;) {
            Result result = rings[worker].pop(entry);
            if (result != Result::entry) {
                signalWorker(segments_[worker].layout());
                return result == Result::empty;
            }
            if (!isEntry(entry, next_[worker]++)) {
                return false;
            }
        }
    }

    void work(std::uint32_t worker)
    {
        WorkerSegmentLayout &shared = segments_[worker].layout();
        ReplyProducer ring(shared.rings[kEngine]);
        Random random(worker);
        for (std::uint64_t i = 0; i < kReplies; i++) {
            while (!ring.push(entryOf(i))) {
                std::uint32_t seen = beginWait(shared);
                if (ring.push(entryOf(i))) {
                    endWait(shared);
                    break;
                }
                wait(shared, seen);
            }
            if (knock(door(), worker)) {
                std::uint64_t one = 1;
                [[maybe_unused]] ssize_t size = write(doorbell_.get(), &one, sizeof one);
            }
            if (random.below(500) == 0) {
                std::this_thread::sleep_for(std::chrono::microseconds(50)); // let the engine sleep
            }
        }
    }

    AppSegment app_;
    UniqueFd doorbell_;
    std::vector<WorkerSegment> segments_;
    std::array<std::uint64_t, kWorkers> next_{};
    std::uint64_t sleeps_ = 0;
};

} // namespace

class ReplyRingTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReplyRingTest);
    CPPUNIT_TEST(keepsOrderOverManyRounds);
    CPPUNIT_TEST(fullUntilPopped);
    CPPUNIT_TEST(tailThatMakesNoSenseIsBroken);
    CPPUNIT_TEST(headOfOthersIsIgnored);
    CPPUNIT_TEST(knockMarksAndTellsWhoSleeps);
    CPPUNIT_TEST(doesNotSleepOverDirtyWorkers);
    CPPUNIT_TEST(waitersAreCounted);
    CPPUNIT_TEST(waitSeesWhatCameBefore);
    CPPUNIT_TEST(pingPongNeverLosesASignal);
    CPPUNIT_TEST(trafficUnderBackPressure);
    CPPUNIT_TEST_SUITE_END();

public:
    ReplyRingTest() : segment_(WorkerSegment::create(1)), app_(AppSegment::create()) {}

    void setUp() override
    {
        segment_ = WorkerSegment::create(1);
        app_ = AppSegment::create();
    }

    void keepsOrderOverManyRounds()
    {
        ReplyProducer producer(ring());
        ReplyConsumer consumer(ring());
        ReplyEntry entry{};
        Random random(1);
        std::uint64_t pushed = 0;
        std::uint64_t popped = 0;
        while (popped < 5000) {
            for (std::uint32_t n = random.below(400); n > 0 && producer.push(entryOf(pushed));
                 n--) {
                pushed++;
            }
            CPPUNIT_ASSERT(pushed - popped <= kReplyRing);
            for (std::uint32_t n = random.below(400); n > 0 && popped < pushed; n--) {
                CPPUNIT_ASSERT(consumer.pop(entry) == Result::entry);
                CPPUNIT_ASSERT(isEntry(entry, popped++));
            }
        }
    }

    void fullUntilPopped()
    {
        ReplyProducer producer(ring());
        ReplyConsumer consumer(ring());
        ReplyEntry entry{};
        CPPUNIT_ASSERT(consumer.pop(entry) == Result::empty);
        for (std::uint32_t i = 0; i < kReplyRing; i++) {
            CPPUNIT_ASSERT(producer.push(entryOf(i)));
        }
        CPPUNIT_ASSERT(!producer.push(entryOf(999)));
        CPPUNIT_ASSERT(consumer.pop(entry) == Result::entry);
        CPPUNIT_ASSERT(producer.push(entryOf(kReplyRing)));
        CPPUNIT_ASSERT(!producer.push(entryOf(999)));
        for (std::uint32_t i = 1; i <= kReplyRing; i++) {
            CPPUNIT_ASSERT(consumer.pop(entry) == Result::entry);
            CPPUNIT_ASSERT(isEntry(entry, i));
        }
        CPPUNIT_ASSERT(consumer.pop(entry) == Result::empty);
    }

    void tailThatMakesNoSenseIsBroken()
    {
        ReplyProducer producer(ring());
        ReplyConsumer consumer(ring());
        ReplyEntry entry{};
        CPPUNIT_ASSERT(producer.push(entryOf(0)));
        CPPUNIT_ASSERT(consumer.pop(entry) == Result::entry);
        for (std::uint64_t tail : {std::uint64_t{0}, std::uint64_t{kReplyRing} + 2, UINT64_MAX,
                                   std::uint64_t{1} << 63}) {
            ring().tail = tail;
            CPPUNIT_ASSERT(consumer.pop(entry) == Result::broken);
            CPPUNIT_ASSERT(consumer.pop(entry) == Result::broken);
        }
        ring().tail = kReplyRing + 1; // the most there can be
        for (std::uint32_t i = 0; i < kReplyRing; i++) {
            CPPUNIT_ASSERT(consumer.pop(entry) == Result::entry);
        }
        CPPUNIT_ASSERT(consumer.pop(entry) == Result::empty);
    }

    void headOfOthersIsIgnored()
    {
        ReplyProducer producer(ring());
        ReplyConsumer consumer(ring());
        ReplyEntry entry{};
        for (std::uint64_t i = 0; i < 1000; i++) {
            CPPUNIT_ASSERT(producer.push(entryOf(i)));
            ring().head = i * 77; // the engine keeps its own
            CPPUNIT_ASSERT(consumer.pop(entry) == Result::entry);
            CPPUNIT_ASSERT(isEntry(entry, i));
        }
    }

    void knockMarksAndTellsWhoSleeps()
    {
        EngineDoor &door = app_.layout().doors[3];
        CPPUNIT_ASSERT(!knock(door, 0));
        CPPUNIT_ASSERT(!knock(door, 1023));
        CPPUNIT_ASSERT(!knock(door, 65));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, takeDirty(door, 0));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, takeDirty(door, 1));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1} << 63, takeDirty(door, 15));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, takeDirty(door, 15));
        CPPUNIT_ASSERT(prepareSleep(door));
        CPPUNIT_ASSERT(knock(door, 5));
        CPPUNIT_ASSERT(knock(door, 6));  // both ring: the first may die before it does
        CPPUNIT_ASSERT(!knock(door, 5)); // it has rung, and the engine is not up yet
        endSleep(door);
        CPPUNIT_ASSERT(!knock(door, 7));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{7} << 5, takeDirty(door, 0));
        CPPUNIT_ASSERT(prepareSleep(door));
        CPPUNIT_ASSERT(knock(door, 5));
    }

    void doesNotSleepOverDirtyWorkers()
    {
        EngineDoor &door = app_.layout().doors[255];
        for (std::uint32_t worker : {0U, 63U, 64U, 1023U}) {
            knock(door, worker);
            CPPUNIT_ASSERT(!prepareSleep(door));
            CPPUNIT_ASSERT_EQUAL(0U, door.sleeping.load());
            CPPUNIT_ASSERT(takeDirty(door, worker / 64) != 0);
        }
        CPPUNIT_ASSERT(prepareSleep(door));
    }

    void waitersAreCounted()
    {
        WorkerSegmentLayout &shared = segment_.layout();
        std::uint32_t seen = beginWait(shared);
        CPPUNIT_ASSERT_EQUAL(1U, shared.waiting.load());
        endWait(shared);
        CPPUNIT_ASSERT_EQUAL(0U, shared.waiting.load());
        signalWorker(shared);
        CPPUNIT_ASSERT(beginWait(shared) != seen);
        wait(shared, seen); // over at once
        CPPUNIT_ASSERT_EQUAL(0U, shared.waiting.load());
    }

    void waitSeesWhatCameBefore()
    {
        WorkerSegmentLayout &shared = segment_.layout();
        std::uint32_t seen = beginWait(shared);
        signalWorker(shared); // between the look at the condition and the wait
        wait(shared, seen);
        CPPUNIT_ASSERT_EQUAL(0U, shared.waiting.load());
    }

    // Two threads hand a number to and fro; each step needs exactly one signal to arrive.
    void pingPongNeverLosesASignal()
    {
        constexpr std::uint64_t kRounds = kThreadSanitizer ? 5'000 : 20'000;
        WorkerSegment other = WorkerSegment::create(1);
        std::atomic<std::uint64_t> ball{0};
        auto play = [&ball](WorkerSegmentLayout &mine, WorkerSegmentLayout &theirs,
                            std::uint64_t parity) {
            for (std::uint64_t i = parity; i < kRounds; i += 2) {
                while (ball.load(std::memory_order_relaxed) != i) {
                    std::uint32_t seen = beginWait(mine);
                    if (ball.load(std::memory_order_relaxed) == i) {
                        endWait(mine);
                        break;
                    }
                    wait(mine, seen);
                }
                ball.store(i + 1, std::memory_order_relaxed); // ordered by signalWorker()
                signalWorker(theirs);
            }
        };
        std::thread first([&] { play(segment_.layout(), other.layout(), 0); });
        std::thread second([&] { play(other.layout(), segment_.layout(), 1); });
        if (!eventually([&] { return ball.load() == kRounds; })) {
            std::abort(); // the threads cannot be joined
        }
        first.join();
        second.join();
        CPPUNIT_ASSERT_EQUAL(0U, segment_.layout().waiting.load());
    }

    void trafficUnderBackPressure() { CPPUNIT_ASSERT(ReplyTraffic().run()); }

private:
    ReplyRing &ring() { return segment_.layout().rings[17]; }

    WorkerSegment segment_;
    AppSegment app_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReplyRingTest);

} // namespace patchbay::ipc::test
