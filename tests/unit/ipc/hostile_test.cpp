// A worker that scribbles over everything it shares with the router while the router's side works:
// no crash, no access outside, no call that does not return. Run under ASan and UBSan it means
// most.
#include "ipc/reply_ring.hpp"
#include "ipc/request_queue.hpp"
#include "ipc/support.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstddef>
#include <cstring>
#include <vector>

namespace patchbay::ipc::test {
namespace {

constexpr std::uint32_t kSlots = 64;
constexpr int kTurns = kThreadSanitizer ? 20'000 : 100'000;
constexpr std::uint64_t kScribbles = kThreadSanitizer ? 500'000 : 2'000'000;

// A forked process that writes into the areas until it is destroyed.
class Scribbler {
public:
    // nudge(random): writes of the caller's own between the random ones, near to what is valid.
    template <typename Nudge>
    Scribbler(std::span<std::span<unsigned char>> areas, std::uint64_t seed, Nudge nudge)
        : counter_(SharedSegment::create("test", kUnit)), pid_(fork())
    {
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            scribble(areas, seed, nudge);
        }
    }
    Scribbler(const Scribbler &) = delete;
    Scribbler &operator=(const Scribbler &) = delete;
    std::uint64_t written() const { return counter().load(); }
    ~Scribbler()
    {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }

private:
    std::atomic_ref<std::uint64_t> counter() const
    {
        return std::atomic_ref(*reinterpret_cast<std::uint64_t *>(counter_.data()));
    }

    template <typename Nudge>
    [[noreturn]] void scribble(std::span<std::span<unsigned char>> areas, std::uint64_t seed,
                               Nudge nudge)
    {
        Random random(seed);
        for (;;) {
            std::span<unsigned char> area =
                areas[random.below(static_cast<std::uint32_t>(areas.size()))];
            // Half of it hits the first lines: head, tails, idle seats.
            auto words = static_cast<std::uint32_t>(area.size() / 8);
            std::uint32_t at = random.below(random.chance(50) ? std::min(words, 128U) : words);
            auto &word = *reinterpret_cast<std::uint64_t *>(area.data() + std::size_t{at} * 8);
            __atomic_store_n(&word, value(random, word), __ATOMIC_RELAXED);
            if (random.below(4) == 0) {
                nudge(random);
            }
            counter()++;
        }
    }

    // Values that come close to valid ones do more harm than noise.
    static std::uint64_t value(Random &random, std::uint64_t before)
    {
        switch (random.below(6)) {
        case 0:
            return random.bits();
        case 1:
            return ~std::uint64_t{0};
        case 2:
            return random.below(3 * kRequestRing);
        case 3:
            return before + random.below(5) - 2;
        case 4:
            return makeTicket(random.below(2 * kTurns), random.below(2 * kMaxSlots));
        default:
            return makeState(random.below(2 * kTurns), static_cast<Phase>(random.below(5)),
                             random.below(2 * kMaxSeats));
        }
    }

    SharedSegment counter_; // of the words written, so that the tests end when there were enough
    pid_t pid_;
};

} // namespace

class HostileTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HostileTest);
    CPPUNIT_TEST(requestSideIsScribbledOver);
    CPPUNIT_TEST(replySideIsScribbledOver);
    CPPUNIT_TEST_SUITE_END();

public:
    // Everything but the request memory, which the router only writes.
    void requestSideIsScribbledOver()
    {
        AppSegment segment = AppSegment::create();
        RequestProducer producer(segment.layout());
        RequestProducerProbe probe(producer);
        std::array<std::span<unsigned char>, 1> areas{
            std::span(segment.segment().data(), offsetof(AppSegmentLayout, memory))};
        Scribbler scribbler(areas, 1, [&](Random &random) {
            RequestSlot &slot = segment.layout().slots[random.below(kSlots)];
            SlotState state = slot.state;
            slot.state = makeState(statePosition(state), static_cast<Phase>(random.below(4)),
                                   random.below(2 * kMaxSeats));
        });
        Random random(2);
        std::array<std::optional<Ticket>, kSlots> live{};
        std::array<std::uint64_t, 3> counts{}; // pushed, cancelled, given up
        for (int turn = 0; turn < kTurns || scribbler.written() < kScribbles; turn++) {
            std::uint32_t slot = random.below(kSlots);
            if (!live[slot]) {
                live[slot] = producer.push(slot);
                counts[0] += live[slot].has_value();
            } else if (random.chance(50) && producer.cancel(*live[slot])) {
                live[slot].reset();
                counts[1]++;
            } else if (producer.takenBy(*live[slot]).value_or(0) >= kMaxSeats) {
                live[slot].reset(); // as the engine does: nobody will answer this one
                counts[2]++;
            }
            if (turn % 16 == 0) {
                useTheRest(segment.layout(), producer, random);
                // A head in front of the tail would end it for good: go on from a likely place.
                segment.layout().head = probe.tail() - random.below(100);
            }
        }
        for (std::uint64_t count : counts) {
            CPPUNIT_ASSERT(count > 500);
        }
    }

    // A worker's own segment: rings, bitmap, event. The memory behind it is plain bytes.
    void replySideIsScribbledOver()
    {
        constexpr std::uint32_t kUnits = 200;
        WorkerSegment segment = WorkerSegment::create(kUnits);
        WorkerSegmentLayout &layout = segment.layout();
        std::array<std::span<unsigned char>, 3> areas{
            std::span(segment.segment().data(), sizeof(WorkerSegmentLayout)),
            std::span(reinterpret_cast<unsigned char *>(&layout.rings[5]), sizeof(ReplyRing)),
            std::span(reinterpret_cast<unsigned char *>(&layout.freeUnits), 64)};
        Scribbler scribbler(areas, 3, [&](Random &random) {
            ReplyRing &ring = layout.rings[5];
            ring.entries[random.below(kReplyRing)] = {random.bits(),   random.below(kUnits + 2),
                                                      random.below(8), random.below(1 << 20),
                                                      random.below(8), 0};
            ring.tail = ring.head + random.below(kReplyRing + 10);
        });
        ReplyConsumer replies(layout.rings[5]);
        UnitPool pool = segment.pool();
        std::uint64_t sum = 0;
        std::uint64_t inside = 0;
        int turn = 0;
        for (; turn < kTurns || scribbler.written() < kScribbles || inside < 1000; turn++) {
            ReplyEntry entry{};
            // At most a ring full at once, whatever the tail says.
            for (std::uint32_t i = 0; i < kReplyRing; i++) {
                if (replies.pop(entry) != ReplyConsumer::Result::entry) {
                    break;
                }
                if (const unsigned char *bytes = segment.memory(entry.unit, entry.units)) {
                    sum += entry.units == 0 ? 0 : bytes[std::size_t{entry.units} * kUnit - 1];
                    pool.give(entry.unit, entry.units);
                    inside++;
                }
            }
            if (auto unit = pool.take(1 + static_cast<std::uint32_t>(turn) % kMaxRun)) {
                CPPUNIT_ASSERT(*unit < kUnits);
                CPPUNIT_ASSERT(
                    segment.memory(*unit, 1 + static_cast<std::uint32_t>(turn) % kMaxRun));
            }
            CPPUNIT_ASSERT(pool.freeCount() <= kUnits);
            signalWorker(layout);
        }
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, sum); // nobody wrote there
    }

private:
    static void useTheRest(AppSegmentLayout &layout, RequestProducer &producer, Random &random)
    {
        CPPUNIT_ASSERT(producer.wake(random.below(8)) <= kMaxSeats);
        CPPUNIT_ASSERT(producer.backlog() <= kRequestRing);
        producer.hasIdle();
        producer.forgetSeats(random.below(2 * kMaxSeats), random.below(64));
        EngineDoor &door = layout.doors[random.below(kMaxEngines)];
        prepareSleep(door);
        endSleep(door);
        takeDirty(door, random.below(kMaxWorkers / 64));
        // Another worker of the application: it may be starved, but not led outside.
        RequestConsumer bystander(layout, random.below(kMaxSeats));
        for (int i = 0; i < 100; i++) {
            std::optional<Ticket> ticket = bystander.take();
            if (!ticket) {
                break;
            }
            CPPUNIT_ASSERT(ticketSlot(*ticket) < kMaxSlots);
        }
        bystander.leave();
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HostileTest);

} // namespace patchbay::ipc::test
