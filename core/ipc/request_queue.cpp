// [engine] pushes an encoded request, a worker's thread takes it: between router/app/dispatch and
// worker/worker. See the header.
//
// A ticket is published in three steps: position reserved (private tail), slot state set to
// queued at that position, ticket stored into its cell. A cell counts only if its position is the
// one asked for, so a cell that is not filled yet, or from an earlier round, reads as empty.
#include "ipc/request_queue.hpp"

#include "ipc/futex.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace patchbay::ipc {
namespace {

constexpr std::uint64_t kRingMask = kRequestRing - 1;
constexpr std::uint64_t kPositionMask = (std::uint64_t{1} << 40) - 1;
constexpr auto kSeqCst = std::memory_order_seq_cst;

static_assert((kRequestRing & kRingMask) == 0 && kRequestRing > kMaxSlots);
static_assert(kMaxSeats <= 0xFFFFF && kMaxSlots <= 0xFFFFFF);

bool isAt(Ticket cell, std::uint64_t position) noexcept
{
    return ticketPosition(cell) == (position & kPositionMask);
}

// The cell at head holds a ticket, dead or alive.
bool hasTicket(AppSegmentLayout &shared) noexcept
{
    for (;;) {
        std::uint64_t head = shared.head.load(kSeqCst);
        if (isAt(shared.ring[head & kRingMask].load(kSeqCst), head)) {
            return true;
        }
        if (shared.head.load(kSeqCst) == head) {
            return false;
        }
    }
}

void clearIdle(AppSegmentLayout &shared, std::uint32_t seat) noexcept
{
    shared.idle[seat / 64].fetch_and(~(std::uint64_t{1} << (seat % 64)), kSeqCst);
}

// Lowest first. Each bit is tried once, so nobody who plays with the bitmap can hold the caller.
std::uint32_t wakeSeats(AppSegmentLayout &shared, std::uint32_t count) noexcept
{
    std::uint32_t woken = 0;
    for (std::uint32_t i = 0; i < kMaxSeats / 64 && woken < count; i++) {
        std::uint64_t bits = shared.idle[i].load(kSeqCst);
        while (bits != 0 && woken < count) {
            auto bit = static_cast<std::uint32_t>(std::countr_zero(bits));
            std::uint64_t mask = std::uint64_t{1} << bit;
            bits &= ~mask;
            if ((shared.idle[i].fetch_and(~mask, kSeqCst) & mask) == 0) {
                continue; // another engine was faster, or the seat got up by itself
            }
            Seat &seat = shared.seats[i * 64 + bit];
            if (seat.wake.exchange(kSeatUp, kSeqCst) != kSeatLooking) {
                futexWake(seat.wake, 1);
            }
            woken++;
        }
    }
    return woken;
}

} // namespace

std::optional<Ticket> RequestProducer::push(std::uint32_t slot) noexcept
{
    assert(slot < kMaxSlots);
    std::optional<std::uint64_t> position = reserve();
    if (!position) {
        return std::nullopt;
    }
    return publish(*position, slot);
}

std::optional<std::uint64_t> RequestProducer::reserve() noexcept
{
    std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    for (;;) {
        // A head in front of the tail makes the difference huge: full.
        if (tail - shared_.head.load(std::memory_order_acquire) >= kRequestRing) {
            // Unless `tail` is merely old: others pushed, and workers took, since it was read.
            std::uint64_t now = tail_.load(std::memory_order_relaxed);
            if (now == tail) {
                return std::nullopt;
            }
            tail = now;
            continue;
        }
        if (tail_.compare_exchange_weak(tail, tail + 1, std::memory_order_relaxed)) {
            return tail;
        }
    }
}

Ticket RequestProducer::publish(std::uint64_t position, std::uint32_t slot) noexcept
{
    Ticket ticket = makeTicket(position & kPositionMask, slot);
    shared_.slots[slot].state.store(makeState(ticketPosition(ticket), Phase::queued, 0),
                                    std::memory_order_release);
    shared_.ring[position & kRingMask].store(ticket, kSeqCst);

    std::uint64_t next = position + 1;
    std::uint64_t tail = tail_.load(kSeqCst);
    while (next < tail && isAt(shared_.ring[next & kRingMask].load(kSeqCst), next)) {
        next++;
    }
    if (next != position + 1) {
        owed_.fetch_add(static_cast<std::uint32_t>(next - position - 1), kSeqCst);
    }
    return ticket;
}

bool RequestProducer::cancel(Ticket ticket) noexcept
{
    assert(ticketSlot(ticket) < kMaxSlots);
    std::uint64_t position = ticketPosition(ticket);
    std::atomic<SlotState> &state = shared_.slots[ticketSlot(ticket)].state;
    SlotState seen = makeState(position, Phase::queued, 0);
    SlotState cancelled = makeState(position, Phase::cancelled, 0);
    if (!state.compare_exchange_strong(seen, cancelled, kSeqCst)) {
        if (statePosition(seen) == position && statePhase(seen) == Phase::taken &&
            stateSeat(seen) < kMaxSeats) {
            return false;
        }
        state.store(cancelled, kSeqCst); // a worker scribbled over it: it is nobody's
    }
    passDead();
    return true;
}

// So that requests that come and go while every worker is busy do not fill the ring.
void RequestProducer::passDead() noexcept
{
    for (std::uint32_t i = 0; i < kRequestRing; i++) {
        std::uint64_t head = shared_.head.load(std::memory_order_acquire);
        Ticket cell = shared_.ring[head & kRingMask].load(std::memory_order_acquire);
        if (!isAt(cell, head)) {
            return;
        }
        std::uint32_t slot = ticketSlot(cell);
        if (slot < kMaxSlots && shared_.slots[slot].state.load(std::memory_order_acquire) ==
                                    makeState(ticketPosition(cell), Phase::queued, 0)) {
            return;
        }
        shared_.head.compare_exchange_strong(head, head + 1, kSeqCst);
    }
}

std::optional<std::uint32_t> RequestProducer::takenBy(Ticket ticket) const noexcept
{
    assert(ticketSlot(ticket) < kMaxSlots);
    std::uint64_t position = ticketPosition(ticket);
    SlotState state = shared_.slots[ticketSlot(ticket)].state.load(std::memory_order_acquire);
    if (state == makeState(position, Phase::queued, 0)) {
        return std::nullopt;
    }
    if (statePosition(state) != position || statePhase(state) != Phase::taken) {
        return kMaxSeats;
    }
    return stateSeat(state);
}

std::uint32_t RequestProducer::wake(std::uint32_t count) noexcept
{
    if (owed_.load(kSeqCst) != 0) {
        std::uint32_t owed = owed_.exchange(0, kSeqCst);
        count = owed < kMaxSeats - std::min(count, kMaxSeats) ? count + owed : kMaxSeats;
    }
    return wakeSeats(shared_, count);
}

void RequestProducer::forgetSeats(std::uint32_t first, std::uint32_t count) noexcept
{
    for (std::uint32_t seat = first; seat < kMaxSeats && seat - first < count; seat++) {
        clearIdle(shared_, seat);
        shared_.seats[seat].served.store(0, std::memory_order_relaxed);
    }
    if (backlog() != 0) {
        wake(count);
    }
}

std::uint64_t RequestProducer::backlog() const noexcept
{
    std::uint64_t head = shared_.head.load(kSeqCst); // before tail: the other way it may overtake
    std::uint64_t tail = tail_.load(kSeqCst);
    if (head > tail) {
        return 0;
    }
    return tail - head < kRequestRing ? tail - head : kRequestRing;
}

bool RequestProducer::waiting(std::uint32_t count) const noexcept
{
    if (backlog() < count) {
        return false; // most of the time
    }
    std::uint64_t wanted = std::uint64_t{count} + idleSeats();
    std::uint64_t tail = tail_.load(kSeqCst);
    std::uint64_t position = shared_.head.load(kSeqCst);
    for (std::uint32_t i = 0; i < kRequestRing && position < tail && wanted != 0; i++, position++) {
        Ticket cell = shared_.ring[position & kRingMask].load(std::memory_order_acquire);
        std::uint32_t slot = ticketSlot(cell);
        // Cancelled ones, which lie in the ring until the head passes them, do not wait.
        if (isAt(cell, position) && slot < kMaxSlots &&
            shared_.slots[slot].state.load(std::memory_order_relaxed) ==
                makeState(ticketPosition(cell), Phase::queued, 0)) {
            wanted--;
        }
    }
    return wanted == 0;
}

std::uint32_t RequestProducer::idleSeats(std::uint32_t enough) const noexcept
{
    std::uint32_t idle = 0;
    for (const std::atomic<std::uint64_t> &word : shared_.idle) {
        idle += static_cast<std::uint32_t>(std::popcount(word.load(kSeqCst)));
        if (idle >= enough) {
            return enough;
        }
    }
    return idle;
}

std::uint32_t RequestProducer::idleOf(std::uint32_t first, std::uint32_t count) const noexcept
{
    std::uint32_t idle = 0;
    for (std::uint32_t seat = first; seat < kMaxSeats && seat - first < count; seat++) {
        std::uint64_t word = shared_.idle[seat / 64].load(std::memory_order_relaxed);
        idle += static_cast<std::uint32_t>(word >> (seat % 64) & 1);
    }
    return idle;
}

std::uint32_t RequestProducer::servedBy(std::uint32_t first, std::uint32_t count) const noexcept
{
    std::uint32_t served = 0;
    for (std::uint32_t seat = first; seat < kMaxSeats && seat - first < count; seat++) {
        served += shared_.seats[seat].served.load(std::memory_order_relaxed);
    }
    return served;
}

std::optional<Ticket> RequestConsumer::take() noexcept
{
    for (;;) {
        std::uint64_t head = shared_.head.load(kSeqCst);
        Ticket cell = shared_.ring[head & kRingMask].load(kSeqCst);
        if (!isAt(cell, head)) {
            if (shared_.head.load(kSeqCst) == head) {
                return std::nullopt;
            }
            continue; // the others went on, and the cell belongs to a later round already
        }
        // The router lives in the same memory, but so do the other workers: check the index.
        std::uint32_t slot = ticketSlot(cell);
        bool taken = false;
        if (slot < kMaxSlots) {
            SlotState seen = makeState(ticketPosition(cell), Phase::queued, 0);
            SlotState mine = makeState(ticketPosition(cell), Phase::taken, seat_);
            taken = shared_.slots[slot].state.compare_exchange_strong(seen, mine, kSeqCst);
        }
        // Ours, another's or cancelled: in each case nobody needs to see it again.
        shared_.head.compare_exchange_strong(head, head + 1, kSeqCst);
        if (taken) {
            std::atomic<std::uint32_t> &served = shared_.seats[seat_].served;
            served.store(served.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
            return cell;
        }
    }
}

// The order matters. wake := how comes before the look at up_: a getUp() that we miss there sets
// wake afterwards, and the wait ends. The idle bit comes before the look at the ring: a producer
// that we miss there sees the bit. A producer whose wake := up we overwrite had published before,
// and we see its ticket.
bool RequestConsumer::announce(std::uint32_t how) noexcept
{
    shared_.seats[seat_].wake.store(how, kSeqCst);
    if (up_.exchange(false, kSeqCst)) {
        clearIdle(shared_, seat_);
        return false;
    }
    shared_.idle[seat_ / 64].fetch_or(std::uint64_t{1} << (seat_ % 64), kSeqCst);
    if (!hasTicket(shared_)) {
        return true;
    }
    clearIdle(shared_, seat_);
    return false;
}

void RequestConsumer::slumber() noexcept
{
    std::atomic<std::uint32_t> &wake = shared_.seats[seat_].wake;
    while (wake.load(kSeqCst) == kSeatAsleep) {
        futexWait(wake, kSeatAsleep);
    }
}

bool RequestConsumer::lookAgain() noexcept
{
    const std::atomic<std::uint32_t> &wake = shared_.seats[seat_].wake;
    if (spin_.look([&] { return wake.load(std::memory_order_acquire) != kSeatAsleep; })) {
        return true;
    }
    spin_.beginSleep();
    return false;
}

void RequestConsumer::rise() noexcept
{
    spin_.endSleep();
    clearIdle(shared_, seat_);
}

void RequestConsumer::sleep() noexcept
{
    if (!announce(kSeatLooking)) {
        return;
    }
    std::atomic<std::uint32_t> &wake = shared_.seats[seat_].wake;
    if (!spin_.look([&] { return wake.load(std::memory_order_acquire) != kSeatLooking; })) {
        std::uint32_t looking = kSeatLooking;
        if (wake.compare_exchange_strong(looking, kSeatAsleep, kSeqCst)) {
            spin_.beginSleep();
            slumber();
        }
    }
    rise();
}

void RequestConsumer::getUp() noexcept
{
    up_.store(true, kSeqCst);
    shared_.seats[seat_].wake.store(kSeatUp, kSeqCst);
    futexWake(shared_.seats[seat_].wake, 1);
}

void RequestConsumer::leave() noexcept
{
    clearIdle(shared_, seat_);
    if (hasTicket(shared_)) {
        wakeSeats(shared_, 1);
    }
}

} // namespace patchbay::ipc
