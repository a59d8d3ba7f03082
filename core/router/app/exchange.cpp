#include "router/app/exchange.hpp"

#include "router/app/app_link.hpp"

namespace patchbay::app {

ReplyRun::ReplyRun(WorkerLink &worker, ipc::Ticket ticket, std::uint32_t unit,
                   std::uint32_t units) noexcept
    : worker_(&worker), ticket_(ticket), unit_(unit), units_(units)
{
    worker.references++;
}

void ReplyRun::release() noexcept
{
    if (worker_ == nullptr) {
        return;
    }
    WorkerLink &worker = *std::exchange(worker_, nullptr);
    AppLink &link = worker.link;
    worker.view->pool.give(unit_, units_);
    if (ticket_ != kNoTicket) {
        link.noteConsumed(ticket_, units_, counted_);
    }
    link.signalLater(worker);
    worker.drop();
}

std::optional<Failure> Exchange::start(AppLink &link, const pb_request &request, BodySource body,
                                       Arena &arena, ReplySink &sink) noexcept
{
    link_ = &link;
    sink_ = &sink;
    request_ = &request;
    body_ = body;
    bodyOffset_ = 0;
    outstanding_ = 0;
    worker_ = nullptr;
    heard_ = {};
    headDone_ = false;
    parser_.reset(arena);
    return link.submit(*this);
}

void Exchange::abandon() noexcept
{
    if (state_ != State::idle) {
        link_->withdraw(*this);
    }
}

void Exchange::peerDone() noexcept
{
    if (isTaken()) {
        link_->tellEnd(*this, ipc::kPeerDone);
    }
}

bool Exchange::isTaken() const noexcept
{
    return state_ == State::handed &&
           (worker_ != nullptr || link_->workspace().queue().takenBy(ticket_).has_value());
}

} // namespace patchbay::app
