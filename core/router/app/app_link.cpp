#include "router/app/app_link.hpp"

#include "base/log.hpp"
#include "router/app/collect.hpp"
#include "router/app/dispatch.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <cassert>

namespace patchbay::app {

namespace {

std::chrono::milliseconds lookEvery(const Limits &limits) noexcept
{
    std::chrono::milliseconds shortest = limits.queue;
    if (limits.answer.count() != 0) {
        shortest = std::min(shortest, limits.answer);
    }
    return std::clamp(shortest / 16, AppLink::kRetry, AppLink::kLook);
}

} // namespace

AppLink::AppLink(engine::Engine &engine, std::uint32_t engineNumber,
                 std::shared_ptr<Application> application, std::vector<AppLink *> &busy,
                 std::vector<WorkerLink *> &toSignal)
    : engine_(engine), engineNumber_(engineNumber), application_(std::move(application)),
      busy_(busy), toSignal_(toSignal), lookEvery_(lookEvery(application_->limits())),
      memoryHint_(engineNumber * 16)
{
}

AppLink::~AppLink()
{
    assert(live_ == 0);
    stopListening();
    publish();
    for (WorkerLink *worker : workers_) {
        if (worker != nullptr) {
            worker->drop();
        }
    }
}

bool AppLink::open(Workspace &workspace, int doorbell) noexcept
{
    workspace_ = &workspace;
    retry_ = true; // what has waited for it
    if (doorbell_ >= 0) {
        return true;
    }
    // Edge-triggered: each ring is an event of its own and nobody needs to read the counter.
    if (!engine_.add(doorbell, EPOLLIN | EPOLLET, *this)) {
        return false;
    }
    doorbell_ = doorbell;
    return true;
}

void AppLink::stopListening() noexcept
{
    if (doorbell_ >= 0) {
        engine_.remove(doorbell_);
        doorbell_ = -1;
    }
}

void AppLink::attach(std::shared_ptr<WorkerView> worker)
{
    const std::uint32_t number = worker->number;
    if (number >= ipc::kMaxWorkers) {
        return;
    }
    if (number >= workers_.size()) {
        workers_.resize(number + 1, nullptr);
    }
    if (workers_[number] != nullptr) {
        workers_[number]->drop();
    }
    workers_[number] = new WorkerLink(*this, std::move(worker), engineNumber_);
    // It may have knocked already, before we knew it, and been passed over.
    workers_[number]->again = true;
    again_ = true;
    for (std::uint32_t i = 0; i < ipc::kMaxSlots; i++) {
        SlotRecord &record = workspace_->slot(i);
        if (record.owner.load(std::memory_order_relaxed) ==
            ((engineNumber_ + 1) | SlotRecord::kOrphan)) {
            inherit(record, engineNumber_ + 1);
        }
    }
}

void AppLink::workerGone(const WorkerView &view)
{
    WorkerLink *gone = worker(view.number);
    if (gone == nullptr || gone->view.get() != &view) {
        return;
    }
    gone->references++; // what follows may complain or fail through it
    Collector(*this, *gone).drain(ipc::kReplyRing);
    failTakenBy(*gone, Cause::workerDied);
    workers_[view.number] = nullptr;
    gone->references--; // the table's
    gone->drop();       // ours
    retry_ = true;
    publish();
}

// The worker will finish nothing any more.
void AppLink::failTakenBy(const WorkerLink &worker, Cause cause)
{
    for (std::uint32_t i = 0; i < ipc::kMaxSlots; i++) {
        SlotRecord &record = workspace_->slot(i);
        const std::uint32_t owner = record.owner.load(std::memory_order_relaxed);
        const bool orphan = (owner & SlotRecord::kOrphan) != 0;
        if (orphan ? !inherit(record, owner & ~SlotRecord::kOrphan) : !owns(record)) {
            continue;
        }
        Exchange *exchange = record.exchange;
        const std::optional<std::uint32_t> seat = workspace_->queue().takenBy(record.ticket);
        const bool answers = exchange != nullptr && exchange->worker_ == &worker;
        if (!answers && !(seat && worker.hasSeat(*seat))) {
            if (orphan) {
                disown(record, owner & ~SlotRecord::kOrphan);
            }
            continue;
        }
        freeRecord(i);
        if (exchange != nullptr) {
            fail(*exchange, cause);
        }
    }
}

void AppLink::down()
{
    for (std::size_t left = waitingCount_; left > 0 && !waiting_.empty(); left--) {
        fail(*waiting_.front(), Cause::unavailable);
    }
    for (std::uint32_t i = 0; i < ipc::kMaxSlots && records_ != 0; i++) {
        SlotRecord &record = workspace_->slot(i);
        if (!owns(record)) {
            continue;
        }
        Exchange *exchange = record.exchange;
        const std::optional<std::uint32_t> seat = workspace_->queue().takenBy(record.ticket);
        // Taken by nobody we know: a worker scribbled over the slot before it died.
        const bool lost = seat && workerOfSeat(*seat) == nullptr;
        if (lost || (!seat && workspace_->queue().cancel(record.ticket))) {
            freeRecord(i);
            if (exchange != nullptr) {
                fail(*exchange, lost ? Cause::workerDied : Cause::unavailable);
            }
        }
    }
    publish();
}

void AppLink::orphanAll() noexcept
{
    publish();
    for (std::uint32_t i = 0; i < ipc::kMaxSlots && records_ != 0; i++) {
        SlotRecord &record = workspace_->slot(i);
        if (owns(record)) {
            assert(record.zombie);
            disown(record, engineNumber_ + 1);
        }
    }
}

bool AppLink::owns(const SlotRecord &record) const noexcept
{
    return record.owner.load(std::memory_order_relaxed) == engineNumber_ + 1;
}

// An orphan whose engine had that number becomes ours. Others may try at the same time.
bool AppLink::inherit(SlotRecord &record, std::uint32_t formerOwner) noexcept
{
    std::uint32_t orphan = formerOwner | SlotRecord::kOrphan;
    if (!record.owner.compare_exchange_strong(orphan, engineNumber_ + 1,
                                              std::memory_order_acquire)) {
        return false;
    }
    grow();
    records_++;
    zombies_++;
    published_++; // it was counted by the engine that is gone
    return true;
}

void AppLink::disown(SlotRecord &record, std::uint32_t formerOwner) noexcept
{
    records_--;
    zombies_--;
    live_--;
    published_--; // stays in the application's inFlight, for whoever frees it
    record.owner.store(formerOwner | SlotRecord::kOrphan, std::memory_order_release);
}

std::optional<Failure> AppLink::submit(Exchange &exchange) noexcept
{
    tally_.requests++;
    exchange.since_ = engine_.now();
    // In this order: a worker that becomes ready is counted as running before it stops being
    // counted as starting.
    if (application_->starting.load(std::memory_order_acquire) == 0 &&
        application_->running.load(std::memory_order_acquire) == 0) {
        return count(Cause::unavailable); // at once (S43)
    }
    if (queueIsFull()) {
        return count(Cause::queueFull);
    }
    if (waiting_.empty()) {
        const Sent sent = send(*this, exchange);
        if (sent == Sent::yes) {
            return std::nullopt;
        }
        if (sent == Sent::invalid) {
            return count(Cause::unsendable);
        }
    }
    grow();
    waitingCount_++;
    waiting_.pushBack(exchange);
    exchange.state_ = Exchange::State::waiting;
    if (workspace_ == nullptr) {
        application_->askForWorkers();
    }
    if (!isSet()) {
        engine_.setTimer(*this, kRetry);
    }
    return std::nullopt;
}

void AppLink::withdraw(Exchange &exchange) noexcept
{
    tally_.clientGone++;
    if (exchange.state_ == Exchange::State::waiting) {
        waitingCount_--;
        live_--;
    } else if (workspace_->queue().cancel(exchange.ticket_)) {
        freeRecord(exchange.slot_);
    } else {
        makeZombie(exchange);
    }
    engine::List<Exchange, WaitingTag>::remove(exchange);
    engine::List<Exchange, PausedTag>::remove(exchange);
    exchange.state_ = Exchange::State::idle;
}

SlotRecord *AppLink::takeRecord(std::uint32_t units, std::uint32_t &slot) noexcept
{
    if (workspace_ == nullptr) {
        return nullptr;
    }
    const std::optional<std::uint32_t> index = workspace_->takeSlot(engineNumber_);
    if (!index) {
        return nullptr;
    }
    const std::optional<std::uint32_t> unit = workspace_->memory().take(units, memoryHint_);
    if (!unit) {
        workspace_->giveSlot(*index);
        return nullptr;
    }
    SlotRecord &record = workspace_->slot(*index);
    record.unit = *unit;
    record.units = units;
    grow();
    records_++;
    slot = *index;
    return &record;
}

void AppLink::noteConsumed(ipc::Ticket ticket, std::uint32_t units, bool counted) noexcept
{
    const std::uint32_t index = ipc::ticketSlot(ticket);
    SlotRecord &record = workspace_->slot(index);
    if (!owns(record) || record.ticket != ticket) {
        return; // that exchange is over
    }
    record.consumed += std::uint64_t{units} * ipc::kUnit;
    workspace_->segment().layout().slots[index].consumed.store(record.consumed,
                                                               std::memory_order_release);
    if (counted && record.exchange != nullptr) {
        record.exchange->outstanding_ -= units;
    }
}

void AppLink::freeRecord(std::uint32_t slot) noexcept
{
    SlotRecord &record = workspace_->slot(slot);
    if (record.zombie) {
        zombies_--;
    }
    workspace_->memory().give(record.unit, record.units);
    memoryHint_ = record.unit / 64; // warm: the next request goes there
    if (record.inboxUnits != 0) {
        workspace_->memory().give(record.inboxUnit, record.inboxUnits);
    }
    workspace_->giveSlot(slot);
    records_--;
    live_--;
    retry_ = true;
}

void AppLink::makeZombie(Exchange &exchange) noexcept
{
    SlotRecord &record = workspace_->slot(exchange.slot_);
    record.exchange = nullptr;
    record.zombie = true;
    zombies_++;
    tellEnd(exchange, ipc::kCancelled);
}

// The worker sees it when it looks, at once if it waits.
void AppLink::tellEnd(const Exchange &exchange, ipc::SlotEnd end) noexcept
{
    workspace_->segment().layout().slots[exchange.slot_].cancelled.fetch_or(
        end, std::memory_order_release);
    WorkerLink *taker = exchange.worker_;
    if (taker == nullptr) {
        const std::optional<std::uint32_t> seat = workspace_->queue().takenBy(exchange.ticket_);
        taker = seat ? workerOfSeat(*seat) : nullptr;
    }
    if (taker != nullptr) {
        ipc::signalWorker(taker->view->segment.layout());
    }
}

void AppLink::fail(Exchange &exchange, Cause cause)
{
    if (exchange.state_ == Exchange::State::waiting) {
        waitingCount_--;
        live_--;
    }
    engine::List<Exchange, WaitingTag>::remove(exchange);
    engine::List<Exchange, PausedTag>::remove(exchange);
    exchange.state_ = Exchange::State::idle;
    exchange.sink_->onFailure(count(cause));
}

WorkerLink *AppLink::workerOfSeat(std::uint32_t seat) const noexcept
{
    for (WorkerLink *worker : workers_) {
        if (worker != nullptr && worker->hasSeat(seat)) {
            return worker;
        }
    }
    return nullptr;
}

} // namespace patchbay::app
