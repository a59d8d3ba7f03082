// The shared memory between router and workers, byte for byte.
//
// Two kinds of segment, both sealed memfds that nobody can shrink or grow:
//   AppSegment     one per application: request ring, request slots, request memory, doorbells.
//                  Mapped by the router and by all workers of that application.
//   WorkerSegment  one per worker: a reply ring per engine, and the memory the replies lie in.
//                  Mapped by the router and by that worker alone.
//
// The router treats everything in here as hostile input: it keeps its own copy of what it needs
// (who owns a slot, which memory a request lies in) and checks what it reads back.
// All integers are native-endian; both sides are the same machine. Pages are untouched, and cost
// nothing, until they are used, so the arrays are sized for the largest case.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace patchbay::ipc {

inline constexpr std::uint32_t kMaxEngines = 256;     // engine numbers 0..255
inline constexpr std::uint32_t kMaxWorkers = 1024;    // worker numbers 0..1023, per application
inline constexpr std::uint32_t kMaxSeats = 4096;      // a seat is a request thread of a worker
inline constexpr std::uint32_t kMaxSlots = 4096;      // requests handed over or queued, per app
inline constexpr std::uint32_t kRequestRing = 8192;   // tickets; power of two, > kMaxSlots
inline constexpr std::uint32_t kReplyRing = 256;      // entries per engine and worker; power of two
inline constexpr std::uint32_t kUnit = 4096;          // bytes; memory is taken in runs of units
inline constexpr std::uint32_t kMaxRun = 64;          // units in one run: 256 KiB
inline constexpr std::uint32_t kRequestUnits = 16384; // 64 MiB of request memory per application
inline constexpr std::uint32_t kMagic = 0x50424131;   // "PBA1"
inline constexpr std::uint32_t kCacheLine = 64;

// A ticket in the request ring: position (40 bits) and slot (24 bits). The position makes it
// unique for 2^40 requests, so a late reader can never mistake a reused slot for its own.
using Ticket = std::uint64_t;
inline constexpr Ticket makeTicket(std::uint64_t position, std::uint32_t slot)
{
    return (position << 24) | (slot & 0xFFFFFF);
}
inline constexpr std::uint64_t ticketPosition(Ticket t)
{
    return t >> 24;
}
inline constexpr std::uint32_t ticketSlot(Ticket t)
{
    return static_cast<std::uint32_t>(t) & 0xFFFFFF;
}

// The state word of a slot: position (40 bits), seat of the taker (20 bits), phase (4 bits).
// Router and workers compete for it by compare-and-swap; exactly one wins (seed S48).
enum class Phase : std::uint8_t { free = 0, queued = 1, taken = 2, cancelled = 3 };
using SlotState = std::uint64_t;
inline constexpr SlotState makeState(std::uint64_t position, Phase phase, std::uint32_t seat)
{
    return (position << 24) | (static_cast<std::uint64_t>(seat & 0xFFFFF) << 4) |
           static_cast<std::uint64_t>(phase);
}
inline constexpr std::uint64_t statePosition(SlotState s)
{
    return s >> 24;
}
inline constexpr std::uint32_t stateSeat(SlotState s)
{
    return static_cast<std::uint32_t>(s >> 4) & 0xFFFFF;
}
inline constexpr Phase statePhase(SlotState s)
{
    return static_cast<Phase>(s & 0xF);
}

// Bits of RequestSlot::cancelled.
enum SlotEnd : std::uint32_t {
    kCancelled = 1, // stop, nobody waits for the answer
    kPeerDone = 2,  // the client has ended its side: it may have left, or wait for the answer still
};

// One request. Written by the router before its ticket is published.
struct alignas(kCacheLine) RequestSlot {
    std::atomic<SlotState> state;
    std::uint64_t exchangeId;
    std::uint64_t contentLength; // bytes of body in all
    std::uint32_t engine;        // whose reply ring gets the answer
    std::uint32_t unit;          // first unit of the request memory
    std::uint32_t messageSize;   // bytes of encoded message at unit
    std::uint32_t bodySize;      // bytes of body right behind the message; the rest is asked for
    // Written by the router while the worker serves; read by that worker.
    std::atomic<std::uint32_t> cancelled; // SlotEnd
    std::atomic<std::uint32_t> inboxSize; // bytes of body in the inbox window
    std::atomic<std::uint32_t> inboxUnit; // where it lies
    std::atomic<std::uint32_t> inboxSeq;  // +1 for each window filled, so 0 = none yet
    std::atomic<std::uint64_t> consumed;  // reply bytes (whole units) given back so far
};

// Where a worker rings when it has put something into a reply ring of this engine.
struct alignas(kCacheLine) EngineDoor {
    std::atomic<std::uint32_t> sleeping; // 1: write to the doorbell eventfd
    alignas(kCacheLine) std::atomic<std::uint64_t> dirty[kMaxWorkers / 64]; // workers with replies
};

// Seat::wake, a futex word.
inline constexpr std::uint32_t kSeatAsleep = 0;  // it may sleep: who sets kSeatUp wakes it
inline constexpr std::uint32_t kSeatUp = 1;      // get up
inline constexpr std::uint32_t kSeatLooking = 2; // it looks at this word still: setting it will do

// Where one request thread sleeps.
struct alignas(kCacheLine) Seat {
    std::atomic<std::uint32_t> wake;
    std::atomic<std::uint32_t> served; // requests it has taken; only this thread writes it
};

// Where the parts of an AppSegment lie, for programs that were built for another minor of the
// protocol: they look here and not at this file. Offsets and strides in bytes.
struct AppSegmentMap {
    std::uint32_t headAt, idleAt, doorsAt, doorStride, seatsAt, seatStride, ringAt, ringCells,
        slotsAt, slotStride, slots, memoryAt, unit, units;
};

struct AppSegmentLayout {
    std::uint32_t magic;
    std::uint32_t size; // of this struct
    AppSegmentMap map;
    // Consumers' end of the request ring. The producers' end is private to the router.
    alignas(kCacheLine) std::atomic<std::uint64_t> head;
    alignas(kCacheLine) std::atomic<std::uint64_t> idle[kMaxSeats / 64]; // seats that sleep
    EngineDoor doors[kMaxEngines];
    Seat seats[kMaxSeats];
    std::atomic<Ticket> ring[kRequestRing];
    RequestSlot slots[kMaxSlots];
    alignas(kUnit) unsigned char memory[std::size_t{kRequestUnits} * kUnit];
};

// What a worker says to the engine that asked.
enum ReplyFlags : std::uint32_t {
    kReplyLast = 1,     // the response is complete; the slot is the router's again
    kReplyAbort = 2,    // with kReplyLast: the application failed, do not end cleanly
    kReplyWantBody = 4, // no bytes: fill the inbox window
};

struct ReplyEntry {
    Ticket ticket;         // as taken from the request ring
    std::uint32_t unit;    // first unit in the worker's memory; meaningless when units is 0
    std::uint32_t units;   // length of the run, 0..kMaxRun
    std::uint32_t size;    // bytes used in the run
    std::uint32_t flags;   // ReplyFlags
    std::uint64_t takenAt; // CLOCK_MONOTONIC in ns: when the worker took the request
};
static_assert(sizeof(ReplyEntry) == 32);

// One producer (the worker; its threads take turns), one consumer (the engine).
struct ReplyRing {
    alignas(kCacheLine) std::atomic<std::uint64_t> head; // next to read; the engine's
    alignas(kCacheLine) std::atomic<std::uint64_t> tail; // next to write; the worker's
    alignas(kCacheLine) ReplyEntry entries[kReplyRing];
};

// The same for a WorkerSegment. entriesAt: from the beginning of a ring.
struct WorkerSegmentMap {
    std::uint32_t eventAt, waitingAt, ringsAt, ringStride, entriesAt, entryStride, ringEntries,
        freeAt, memoryAt, unit;
};

struct WorkerSegmentLayout {
    std::uint32_t magic;
    std::uint32_t size;
    std::uint32_t units; // of reply memory behind this struct
    std::uint32_t reserved;
    WorkerSegmentMap map;
    // The worker's threads sleep here while they wait for memory, ring space, a window or a body:
    // the router adds 1 and wakes when `waiting` is not 0.
    alignas(kCacheLine) std::atomic<std::uint32_t> event;
    std::atomic<std::uint32_t> waiting;
    ReplyRing rings[kMaxEngines];
    // Bitmap of reply memory, 1 = free. The worker takes, the router gives back.
    alignas(kCacheLine) std::atomic<std::uint64_t> freeUnits[2048]; // up to 512 MiB
    // followed at the next multiple of kUnit by units * kUnit bytes
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

// Reply bytes one exchange may have outstanding before its worker waits for the client (seed S60).
inline constexpr std::uint64_t kReplyWindow = 1u << 20;
// Bytes of request body handed over per window.
inline constexpr std::uint32_t kBodyWindow = kMaxRun * kUnit / 4; // 64 KiB

} // namespace patchbay::ipc
