// The reply ring of one engine and one worker: the worker pushes, the engine pops. Being private to
// that pair, a worker that dies or lies harms nobody's ring but its own.
#pragma once

#include "ipc/layout.hpp"

#include <cstdint>
#include <optional>

namespace patchbay::ipc {

// [worker] The caller holds the ring's (process-private) lock when the worker has several threads.
class ReplyProducer {
public:
    explicit ReplyProducer(ReplyRing &ring) noexcept : ring_(ring) {}
    bool push(const ReplyEntry &entry) noexcept; // false: full

private:
    ReplyRing &ring_;
};

// [engine] Keeps its own head; the shared one is only told. A tail that makes no sense (more than
// kReplyRing ahead) reads as `broken`.
class ReplyConsumer {
public:
    // Starts where the ring stands: an engine's number may be used again.
    explicit ReplyConsumer(ReplyRing &ring) noexcept
        : ring_(ring), head_(ring.head.load(std::memory_order_acquire))
    {
    }
    enum class Result { entry, empty, broken };
    Result pop(ReplyEntry &entry) noexcept; // copies the entry out before anything is checked

private:
    ReplyRing &ring_;
    std::uint64_t head_;
};

// [worker] After a push: marks the worker dirty at the engine's door. true: the engine sleeps, this
// worker has not rung since it fell asleep, and the caller must write to its doorbell eventfd.
bool knock(EngineDoor &door, std::uint32_t worker) noexcept;
// [engine] Has a worker said something that takeDirty() has not told yet?
bool isDirty(const EngineDoor &door) noexcept;
// [engine] Before sleeping: announce it. false: there are dirty workers, do not sleep.
bool prepareSleep(EngineDoor &door) noexcept;
// [engine] After waking, or when not sleeping after all.
void endSleep(EngineDoor &door) noexcept;
// [engine] Takes the dirty bits of word `index` (64 workers).
std::uint64_t takeDirty(EngineDoor &door, std::uint32_t index) noexcept;

// [worker] Waits until the router has changed something for this worker (memory, ring space,
// window, body, cancel): seen = beginWait(); then check the condition; then either wait(seen),
// which includes endWait(), or just endWait(). May return early: loop. To end the waits of one's
// own process, change the condition and call signalWorker().
std::uint32_t beginWait(WorkerSegmentLayout &shared) noexcept;
void wait(WorkerSegmentLayout &shared, std::uint32_t seen) noexcept;
void endWait(WorkerSegmentLayout &shared) noexcept;
// [engine] Something changed for this worker; wakes it only if a thread of it waits.
void signalWorker(WorkerSegmentLayout &shared) noexcept;

} // namespace patchbay::ipc
