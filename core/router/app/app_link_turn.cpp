// AppLink, part two: what it does at the end of a loop turn, and its queues.
#include "router/app/app_link.hpp"

#include "router/app/collect.hpp"
#include "router/app/dispatch.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace patchbay::app {

namespace {
// Entries of one worker per turn: more wait for the next, so that clients get their turn.
constexpr std::uint32_t kEntriesPerTurn = ipc::kReplyRing;

// Adds what has come since the last time; most turns nothing has.
template <typename Part>
void addTo(std::atomic<std::uint64_t> &total, Part &part) noexcept
{
    if (part != 0) {
        total.fetch_add(part, std::memory_order_relaxed);
        part = 0;
    }
}
} // namespace

void AppLink::collect()
{
    if (workspace_ == nullptr) {
        return;
    }
    for (std::uint32_t word = 0; word < ipc::kMaxWorkers / 64; word++) {
        std::uint64_t dirty = ipc::takeDirty(door(), word);
        while (dirty != 0) {
            const auto bit = static_cast<std::uint32_t>(std::countr_zero(dirty));
            dirty &= dirty - 1;
            // Not known yet: attach() will look into its ring.
            if (WorkerLink *link = worker(word * 64 + bit); link != nullptr) {
                link->again = Collector(*this, *link).drain(kEntriesPerTurn);
                again_ = again_ || link->again;
            }
        }
    }
    if (again_) {
        again_ = false;
        for (WorkerLink *link : workers_) {
            if (link != nullptr && link->again) {
                link->again = Collector(*this, *link).drain(kEntriesPerTurn);
                again_ = again_ || link->again;
            }
        }
    }
    while (Exchange *exchange = paused_.popFront()) {
        exchange->sink_->onPause();
    }
}

void AppLink::settle()
{
    if (retry_) {
        retry_ = false;
        pumpInboxes();
        pump();
    }
    if (pushed_ != 0) {
        const std::uint32_t woken = workspace_->queue().wake(pushed_);
        const std::uint32_t spare = application_->limits().spareSeats;
        if (application_->mayGrow.load() &&
            (woken < pushed_ || workspace_->queue().idleSeats(spare) < spare)) {
            application_->askForWorkers(); // S40
        }
        pushed_ = 0;
    }
    publish();
    checkInvariants();
}

bool AppLink::prepareSleep() noexcept
{
    return pushed_ == 0 && !again_ && (workspace_ == nullptr || ipc::prepareSleep(door()));
}

void AppLink::endSleep() noexcept
{
    if (workspace_ != nullptr) {
        ipc::endSleep(door());
    }
}

void AppLink::onTimer()
{
    pumpInboxes();
    pump();
    if (!waiting_.empty() || !inboxWaiting_.empty()) {
        engine_.setTimer(*this, kRetry);
    }
}

void AppLink::waitForInbox(Exchange &exchange) noexcept
{
    engine::List<Exchange, WaitingTag>::remove(exchange); // a worker may ask twice
    inboxWaiting_.pushBack(exchange);
    if (!isSet()) {
        engine_.setTimer(*this, kRetry);
    }
}

// First come, first served: whoever came first is tried first, and nobody overtakes.
void AppLink::pump()
{
    while (Exchange *exchange = waiting_.front()) {
        if (exchange->since_ + application_->limits().queue <= engine_.now()) {
            fail(*exchange, Cause::queueTime);
            continue;
        }
        const Sent sent = send(*this, *exchange);
        if (sent == Sent::full) {
            break;
        }
        if (sent == Sent::invalid) {
            fail(*exchange, Cause::unsendable);
            continue;
        }
        engine::List<Exchange, WaitingTag>::remove(*exchange);
        waitingCount_--; // alive still, now as a record
        live_--;
    }
}

void AppLink::pumpInboxes()
{
    while (Exchange *exchange = inboxWaiting_.front()) {
        if (!fillInbox(*this, *exchange)) {
            break;
        }
        engine::List<Exchange, WaitingTag>::remove(*exchange);
    }
}

// [control] destroys an application only when inFlight is 0, so the first one alive is told at
// once; everything else once per turn.
void AppLink::grow() noexcept
{
    live_++;
    if (published_ == 0) {
        application_->inFlight.fetch_add(1, std::memory_order_relaxed);
        published_ = 1;
    }
    if (!inBusy_) {
        inBusy_ = true;
        busy_.push_back(this);
    }
    if (!lookout_.isSet()) {
        engine_.setTimer(lookout_, lookEvery_);
    }
}

void AppLink::publish() noexcept
{
    if (live_ != published_) {
        // Unsigned: a decrease wraps around to the right sum.
        application_->inFlight.fetch_add(std::uint64_t{live_} - published_,
                                         std::memory_order_acq_rel);
        published_ = live_;
    }
    if (answers_ != 0) {
        answers_ = 0;
        if (!application_->answered.load(std::memory_order_relaxed)) {
            application_->answered.store(true, std::memory_order_relaxed);
        }
    }
    addTo(application_->requests, tally_.requests);
    addTo(application_->refusedFull, tally_.refusedFull);
    addTo(application_->refusedLate, tally_.refusedLate);
    addTo(application_->unavailable, tally_.unavailable);
    addTo(application_->unsendable, tally_.unsendable);
    addTo(application_->workerDied, tally_.workerDied);
    addTo(application_->timedOut, tally_.timedOut);
    addTo(application_->badReply, tally_.badReply);
    addTo(application_->clientGone, tally_.clientGone);
    addTo(application_->taken, tally_.taken);
    addTo(application_->waitMicroseconds, tally_.waitMicroseconds);
}

// Of one more request without a complete answer; returns what its client is told.
Failure AppLink::count(Cause cause) noexcept
{
    switch (cause) {
    case Cause::queueFull:
        tally_.refusedFull++;
        return kOverloaded;
    case Cause::queueTime:
        tally_.refusedLate++;
        return kOverloaded;
    case Cause::unavailable:
        tally_.unavailable++;
        return kUnavailable;
    case Cause::unsendable:
        tally_.unsendable++;
        return kInternal;
    case Cause::workerDied:
        tally_.workerDied++;
        return kUnavailable;
    case Cause::answerTime:
        tally_.timedOut++;
        return kUnavailable;
    case Cause::badReply:
        tally_.badReply++;
        return kUnavailable;
    }
    return kInternal;
}

void AppLink::noteTaken(const Exchange &exchange, std::uint64_t takenAt) noexcept
{
    const engine::TimePoint said{std::chrono::nanoseconds(static_cast<std::int64_t>(takenAt))};
    const engine::TimePoint when =
        std::clamp(said, exchange.since_, std::max(exchange.since_, engine_.now()));
    tally_.taken++;
    tally_.waitMicroseconds += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(when - exchange.since_).count());
}

void AppLink::checkInvariants() noexcept
{
#ifndef NDEBUG
    assert(live_ == waitingCount_ + records_);
    assert(zombies_ <= records_);
    assert(waiting_.empty() == (waitingCount_ == 0));
    constexpr std::uint32_t kFullCheckEvery = 256; // turns
    if (++turns_ % kFullCheckEvery != 0 || workspace_ == nullptr) {
        return;
    }
    std::uint32_t mine = 0, dead = 0;
    for (std::uint32_t i = 0; i < ipc::kMaxSlots; i++) {
        const SlotRecord &record = workspace_->slot(i);
        if (!owns(record)) {
            continue;
        }
        mine++;
        dead += record.zombie ? 1 : 0;
        assert(record.zombie == (record.exchange == nullptr));
        assert(record.zombie || record.exchange->ticket_ == record.ticket);
    }
    assert(mine == records_ && dead == zombies_);
#endif
}

} // namespace patchbay::app
