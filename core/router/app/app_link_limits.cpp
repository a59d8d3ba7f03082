// AppLink, part three: what has waited or been silent for too long. A look at all requests now and
// then, so that no request pays for a timer of its own.
#include "router/app/app_link.hpp"

namespace patchbay::app {
namespace {

// With so much unread its worker may be waiting for the client, not the client for it.
constexpr std::uint32_t kUnread = ipc::kReplyWindow / ipc::kUnit - ipc::kMaxRun;

} // namespace

bool AppLink::queueIsFull() const noexcept
{
    const std::uint32_t length = application_->limits().queueLength;
    if (length == 0) {
        return waitingCount_ >= kMaxWaiting;
    }
    return waitingCount_ >= length ||
           (workspace_ != nullptr &&
            workspace_->queue().waiting(length - static_cast<std::uint32_t>(waitingCount_)));
}

void AppLink::lookOut()
{
    std::uint32_t left = records_; // slots are taken lowest first: the end comes early
    for (std::uint32_t i = 0; i < ipc::kMaxSlots && left != 0; i++) {
        if (owns(workspace_->slot(i))) {
            left--;
            lookAt(i);
        }
    }
    // Whoever was idle when a request came may have gone without taking it.
    if (workspace_ != nullptr && application_->mayGrow.load() &&
        workspace_->queue().backlog() != 0) {
        application_->askForWorkers();
    }
    if (live_ != 0) {
        engine_.setTimer(lookout_, lookEvery_);
    }
}

void AppLink::lookAt(std::uint32_t slot)
{
    Exchange *exchange = workspace_->slot(slot).exchange;
    if (exchange == nullptr) {
        // A zombie. One that by its slot no worker has was scribbled over: nobody will end it.
        const std::optional<std::uint32_t> seat =
            workspace_->queue().takenBy(workspace_->slot(slot).ticket);
        if (seat && workerOfSeat(*seat) == nullptr) {
            freeRecord(slot);
        }
        return;
    }
    const Limits &limits = application_->limits();
    if (!workspace_->queue().takenBy(exchange->ticket_)) {
        if (exchange->since_ + limits.queue <= engine_.now() &&
            workspace_->queue().cancel(exchange->ticket_)) {
            freeRecord(slot);
            fail(*exchange, Cause::queueTime);
        }
        return;
    }
    // Its time begins when we first see that somebody has it, and again with each sign of life.
    const bool ourTurn = exchange->outstanding_ > kUnread ||
                         exchange->engine::ListNode<WaitingTag>::isLinked(); // wants a body window
    if (exchange->heard_ == engine::TimePoint{} || ourTurn) {
        exchange->heard_ = engine_.now();
    } else if (limits.answer.count() != 0 && exchange->heard_ + limits.answer <= engine_.now()) {
        expire(*exchange);
    }
}

// Nobody waits for this worker any more. Its late answer will find a zombie slot (trap P4).
void AppLink::expire(Exchange &exchange)
{
    const WorkerLink *taker = exchange.worker_;
    if (taker == nullptr) {
        const std::optional<std::uint32_t> seat = workspace_->queue().takenBy(exchange.ticket_);
        taker = seat ? workerOfSeat(*seat) : nullptr;
    }
    if (taker != nullptr) {
        application_->tellHanging(taker->view);
    }
    makeZombie(exchange);
    fail(exchange, Cause::answerTime);
}

} // namespace patchbay::app
