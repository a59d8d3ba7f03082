// The request ring of one application: engines push, worker threads take. Bounded, first come first
// served, lock-free. No process can jam it by dying: a ticket is taken by one compare-and-swap on
// the slot's state, and whoever meets a ticket that is not queued any more moves `head` past it.
#pragma once

#include "base/adaptive_spin.hpp"
#include "ipc/layout.hpp"

#include <atomic>
#include <cstdint>
#include <optional>

namespace patchbay::ipc {

// The router's end. Shared by all engines; `tail` is private to the router process.
class RequestProducer {
public:
    explicit RequestProducer(AppSegmentLayout &shared) noexcept : shared_(shared) {}

    // [engine] Publishes slot, whose fields the caller has filled. Sets its state to queued.
    // nullopt: the ring is full.
    std::optional<Ticket> push(std::uint32_t slot) noexcept;
    // [engine] Takes a queued request back. true: nobody will see it; false: a worker has it.
    bool cancel(Ticket ticket) noexcept;
    // [engine] Who took it: the seat, or nullopt while it is queued. Untrusted: check its range.
    std::optional<std::uint32_t> takenBy(Ticket ticket) const noexcept;
    // [engine][control] Wakes up to `count` sleeping seats, lowest numbers first (seed S45: spare
    // workers stay idle and reach their idle time). Returns how many were woken.
    std::uint32_t wake(std::uint32_t count) noexcept;
    // [control] After a worker's death: forget that its seats sleep and what they have taken, and
    // pass on the wake-ups it may have died with.
    void forgetSeats(std::uint32_t first, std::uint32_t count) noexcept;
    // [any] Requests nobody has taken, cancelled ones not yet passed over included; an estimate.
    std::uint64_t backlog() const noexcept;
    // [any] Do at least so many requests wait, beyond those for which a seat is about to be woken?
    // Looks at each of them when the ring is that long. An estimate.
    bool waiting(std::uint32_t count) const noexcept;
    // [any] Is any seat asleep? An estimate.
    bool hasIdle() const noexcept { return idleSeats(1) != 0; }
    // [any] How many seats sleep; stops counting at `enough`. An estimate.
    std::uint32_t idleSeats(std::uint32_t enough = kMaxSeats) const noexcept;
    // [any] How many of these seats sleep, and what they have taken since forgetSeats(), modulo
    // 2^32. As the workers say: untrusted.
    std::uint32_t idleOf(std::uint32_t first, std::uint32_t count) const noexcept;
    std::uint32_t servedBy(std::uint32_t first, std::uint32_t count) const noexcept;

private:
    friend class RequestProducerProbe; // unit tests stop a push half way

    std::optional<std::uint64_t> reserve() noexcept;
    Ticket publish(std::uint64_t position, std::uint32_t slot) noexcept;
    void passDead() noexcept;

    AppSegmentLayout &shared_;
    alignas(kCacheLine) std::atomic<std::uint64_t> tail_{1}; // from 1: a zeroed cell never matches
    // Wake-ups owed for tickets that were published before an earlier one: whoever was woken for
    // them saw an empty ring. The engine that closes the gap pays with its next wake().
    std::atomic<std::uint32_t> owed_{0};
};

// A worker thread's end. Not movable: getUp() may come from another thread at any time.
class RequestConsumer {
public:
    // A hot client's next request is there sooner: through router, client and router.
    static constexpr std::chrono::microseconds kLongestLook{100};

    RequestConsumer(AppSegmentLayout &shared, std::uint32_t seat) noexcept
        : shared_(shared), seat_(seat), spin_(kLongestLook)
    {
    }

    // [worker] The next request, or nullopt when the ring is empty. The ticket's slot is ours.
    std::optional<Ticket> take() noexcept;
    // [worker] Sleeps until a request may be there or getUp() is called. May return early. Looks
    // for a moment first, if that is likely to help.
    void sleep() noexcept;
    // The same in parts, for a thread that sleeps elsewhere and has another one wait for it:
    // [worker] Says that this seat sleeps, maybe once more. false: it must not, look again.
    bool lieDown() noexcept { return announce(kSeatAsleep); }
    // [worker] After lieDown(), while nobody is in slumber(): waits a moment, if that is likely to
    // help. True: there may be a request.
    bool lookAgain() noexcept;
    // [any thread of the worker process] Waits for what would end the sleep. May be called late, or
    // for a lieDown() that is long over.
    void slumber() noexcept;
    // [worker] This seat does not sleep any more. Always after lieDown() was true.
    void rise() noexcept;
    // [any thread of the worker process] Ends a sleep(), now or the next one. Signal-safe.
    void getUp() noexcept;
    // [worker] Before the thread stops taking for good: a wake-up that came to this seat meanwhile
    // goes on to another one.
    void leave() noexcept;

private:
    bool announce(std::uint32_t how) noexcept;

    AppSegmentLayout &shared_;
    std::uint32_t seat_;
    AdaptiveSpin spin_;
    std::atomic<bool> up_{false}; // getUp() was called and no sleep() has ended by it yet
};

} // namespace patchbay::ipc
