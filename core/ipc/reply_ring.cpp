// [worker] pushes what an application answered, [engine] pops it: between worker/reply_writer and
// router/app/collect. See the header.
//
// Both sleep protocols below are the same argument: the one who goes to sleep writes "I sleep" and
// then reads the work; the other writes the work and then reads "I sleep". All four are
// sequentially consistent operations on atomics, so at least one sees the other. No stand-alone
// fences.
#include "ipc/reply_ring.hpp"

#include "ipc/futex.hpp"

#include <climits>

namespace patchbay::ipc {
namespace {

// The worker may write here at this very moment: each field is read exactly once.
template <typename T>
T readOnce(T &field) noexcept
{
    return std::atomic_ref<T>(field).load(std::memory_order_relaxed);
}

} // namespace

bool ReplyProducer::push(const ReplyEntry &entry) noexcept
{
    std::uint64_t tail = ring_.tail.load(std::memory_order_relaxed);
    if (tail - ring_.head.load(std::memory_order_acquire) >= kReplyRing) {
        return false;
    }
    ring_.entries[tail % kReplyRing] = entry;
    ring_.tail.store(tail + 1, std::memory_order_release);
    return true;
}

ReplyConsumer::Result ReplyConsumer::pop(ReplyEntry &entry) noexcept
{
    std::uint64_t tail = ring_.tail.load(std::memory_order_acquire);
    if (tail == head_) {
        return Result::empty;
    }
    if (tail - head_ > kReplyRing) {
        return Result::broken;
    }
    ReplyEntry &cell = ring_.entries[head_ % kReplyRing];
    entry.ticket = readOnce(cell.ticket);
    entry.unit = readOnce(cell.unit);
    entry.units = readOnce(cell.units);
    entry.size = readOnce(cell.size);
    entry.flags = readOnce(cell.flags);
    entry.takenAt = readOnce(cell.takenAt);
    ring_.head.store(++head_, std::memory_order_release);
    return Result::entry;
}

bool knock(EngineDoor &door, std::uint32_t worker) noexcept
{
    std::uint64_t bit = std::uint64_t{1} << (worker % 64);
    const std::uint64_t marked =
        door.dirty[worker % kMaxWorkers / 64].fetch_or(bit, std::memory_order_seq_cst);
    // Still marked: the engine has not been up since our last knock, and that one has rung, or seen
    // it awake, and then it does not fall asleep before it has looked at our mark.
    if ((marked & bit) != 0) {
        return false;
    }
    // Only read, not claimed: were it claimed and this worker to die before it writes, the others'
    // answers would lie there unseen.
    return door.sleeping.load(std::memory_order_seq_cst) != 0;
}

bool isDirty(const EngineDoor &door) noexcept
{
    for (const std::atomic<std::uint64_t> &word : door.dirty) {
        if (word.load(std::memory_order_seq_cst) != 0) {
            return true;
        }
    }
    return false;
}

bool prepareSleep(EngineDoor &door) noexcept
{
    door.sleeping.store(1, std::memory_order_seq_cst);
    if (isDirty(door)) {
        endSleep(door);
        return false;
    }
    return true;
}

void endSleep(EngineDoor &door) noexcept
{
    door.sleeping.store(0, std::memory_order_relaxed);
}

std::uint64_t takeDirty(EngineDoor &door, std::uint32_t index) noexcept
{
    std::atomic<std::uint64_t> &word = door.dirty[index % (kMaxWorkers / 64)];
    if (word.load(std::memory_order_relaxed) == 0) {
        return 0; // prepareSleep() looks again before anyone relies on it
    }
    return word.exchange(0, std::memory_order_seq_cst);
}

std::uint32_t beginWait(WorkerSegmentLayout &shared) noexcept
{
    shared.waiting.fetch_add(1, std::memory_order_seq_cst);
    return shared.event.load(std::memory_order_seq_cst);
}

void wait(WorkerSegmentLayout &shared, std::uint32_t seen) noexcept
{
    if (shared.event.load(std::memory_order_seq_cst) == seen) {
        futexWait(shared.event, seen);
    }
    endWait(shared);
}

void endWait(WorkerSegmentLayout &shared) noexcept
{
    shared.waiting.fetch_sub(1, std::memory_order_seq_cst);
}

void signalWorker(WorkerSegmentLayout &shared) noexcept
{
    shared.event.fetch_add(1, std::memory_order_seq_cst);
    if (shared.waiting.load(std::memory_order_seq_cst) != 0) {
        futexWake(shared.event, INT_MAX);
    }
}

} // namespace patchbay::ipc
