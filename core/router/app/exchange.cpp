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
    SlotRecord &record = link.application().slot(ipc::ticketSlot(ticket_));
    if (record.owner.load(std::memory_order_relaxed) == link.engineNumber() + 1 &&
        record.ticket == ticket_) {
        record.consumed += std::uint64_t{units_} * ipc::kUnit;
        ipc::RequestSlot &slot =
            link.application().segment().layout().slots[ipc::ticketSlot(ticket_)];
        slot.consumed.store(record.consumed, std::memory_order_release);
        if (counted_ && record.exchange != nullptr) {
            record.exchange->outstanding_ -= units_;
        }
    }
    ipc::signalWorker(worker.view->segment.layout());
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

bool Exchange::isTaken() const noexcept
{
    return state_ == State::handed &&
           (worker_ != nullptr || link_->application().queue().takenBy(ticket_).has_value());
}

} // namespace patchbay::app
