#include "router/app/collect.hpp"

#include "base/log.hpp"
#include "router/app/dispatch.hpp"

namespace patchbay::app {
namespace {

// An honest worker stops at kReplyWindow; its last run may go over it.
constexpr std::uint32_t kMaxOutstanding = ipc::kReplyWindow / ipc::kUnit + ipc::kMaxRun;

} // namespace

bool Collector::drain(std::uint32_t limit)
{
    for (std::uint32_t i = 0; i < limit; i++) {
        ipc::ReplyEntry entry{};
        switch (worker_.broken ? ipc::ReplyConsumer::Result::empty : worker_.replies.pop(entry)) {
        case ipc::ReplyConsumer::Result::empty:
            return false;
        case ipc::ReplyConsumer::Result::broken:
            worker_.broken = true; // nothing in it can be trusted any more
            complain("its reply ring is damaged");
            link_.failTakenBy(worker_, Cause::badReply);
            return false;
        case ipc::ReplyConsumer::Result::entry:
            handle(entry);
        }
    }
    return true;
}

void Collector::handle(const ipc::ReplyEntry &entry)
{
    const char *bytes = runBytes(entry);
    SlotRecord *record = identify(entry.ticket);
    ReplyRun run; // whatever happens below, what the worker handed over it gets back
    if (bytes != nullptr && entry.units != 0) {
        run = ReplyRun(worker_, record != nullptr ? entry.ticket : ReplyRun::kNoTicket, entry.unit,
                       entry.units);
    }
    if (record == nullptr) {
        complain("it answered a request that it does not have");
        return;
    }
    const bool last = (entry.flags & ipc::kReplyLast) != 0;
    if (record->zombie) { // abandoned meanwhile: the late answer is dropped
        if (last) {
            link_.freeRecord(ipc::ticketSlot(entry.ticket));
        }
        return;
    }
    Exchange &exchange = *record->exchange;
    if (exchange.worker_ == nullptr) {
        exchange.worker_ = &worker_;
        link_.noteTaken(exchange, entry.takenAt);
    }
    link_.noteSign(exchange);
    if (bytes == nullptr) {
        complain("it pointed outside its memory");
        giveUp(exchange, last);
        return;
    }
    if ((entry.flags & ipc::kReplyWantBody) != 0 && !last && !fillInbox(link_, exchange)) {
        link_.waitForInbox(exchange);
    }
    deliver(exchange, {bytes, entry.size}, std::move(run), entry.flags);
}

// The record that this worker may answer, or null.
SlotRecord *Collector::identify(ipc::Ticket ticket) noexcept
{
    const std::uint32_t slot = ipc::ticketSlot(ticket);
    if (slot >= ipc::kMaxSlots) {
        return nullptr;
    }
    SlotRecord &record = link_.workspace().slot(slot);
    if (!link_.owns(record) || record.ticket != ticket) {
        return nullptr;
    }
    if (!record.zombie && record.exchange->worker_ != nullptr) {
        return record.exchange->worker_ == &worker_ ? &record : nullptr;
    }
    const std::optional<std::uint32_t> seat = link_.workspace().queue().takenBy(ticket);
    return seat && worker_.hasSeat(*seat) ? &record : nullptr;
}

// Null when the entry points outside the worker's memory.
const char *Collector::runBytes(const ipc::ReplyEntry &entry) const noexcept
{
    if (entry.units == 0) {
        return entry.size == 0 ? "" : nullptr;
    }
    if (entry.units > ipc::kMaxRun || entry.unit % 64 + entry.units > 64 ||
        entry.size > entry.units * ipc::kUnit) {
        return nullptr;
    }
    return reinterpret_cast<const char *>(
        worker_.view->segment.memory(entry.unit, entry.units)); // null: outside
}

void Collector::deliver(Exchange &exchange, std::string_view bytes, ReplyRun run,
                        std::uint32_t flags)
{
    const bool last = (flags & ipc::kReplyLast) != 0;
    const ipc::Ticket ticket = exchange.ticket_;
    if (!bytes.empty() && !exchange.headDone_ && !deliverHead(exchange, bytes)) {
        giveUp(exchange, last);
        return;
    }
    if (!bytes.empty() && exchange.headDone_) {
        exchange.outstanding_ += run.count();
        if (exchange.outstanding_ > kMaxOutstanding) { // it ignores back-pressure (S60)
            complain("it sent more than its window");
            giveUp(exchange, last);
            return;
        }
        exchange.sink_->onBody(bytes, std::move(run));
        if (!exchange.isActive() || exchange.ticket_ != ticket) {
            return; // the asker gave up while it was told
        }
    }
    if (last) {
        finish(exchange, (flags & ipc::kReplyAbort) == 0 && exchange.headDone_);
    } else if (!bytes.empty() && !exchange.engine::ListNode<PausedTag>::isLinked()) {
        link_.paused().pushBack(exchange);
    }
}

// Takes the head's part off bytes. False: it is not acceptable.
bool Collector::deliverHead(Exchange &exchange, std::string_view &bytes)
{
    const http::ReplyParser::Outcome outcome = exchange.parser_.feed(bytes.data(), bytes.size());
    if (outcome.result == http::ReplyParser::Result::error) {
        log::error("application \"%s\": bad response: %s", link_.application().name().c_str(),
                   exchange.parser_.errorText());
        return false;
    }
    bytes.remove_prefix(outcome.consumed);
    if (outcome.result == http::ReplyParser::Result::headDone) {
        if (exchange.parser_.unsafeFields() != 0) {
            const std::string_view name = exchange.parser_.firstUnsafeName();
            log::warn("application \"%s\": %zu unsafe response fields dropped, first \"%.*s\"",
                      link_.application().name().c_str(), exchange.parser_.unsafeFields(),
                      static_cast<int>(std::min<std::size_t>(name.size(), 64)), name.data());
        }
        exchange.headDone_ = true;
        exchange.sink_->onHead(exchange.parser_.response());
        // Told at the next pause even if no body came along.
        if (bytes.empty() && !exchange.engine::ListNode<PausedTag>::isLinked()) {
            link_.paused().pushBack(exchange);
        }
    }
    return true;
}

// The worker is done with the slot.
void Collector::finish(Exchange &exchange, bool complete)
{
    link_.freeRecord(exchange.slot_);
    if (complete) {
        link_.countAnswer();
        exchange.state_ = Exchange::State::idle;
        engine::List<Exchange, WaitingTag>::remove(exchange);
        engine::List<Exchange, PausedTag>::remove(exchange);
        exchange.sink_->onEnd();
        return;
    }
    link_.fail(exchange, Cause::badReply);
}

// The answer is unusable, but the worker may be at it still.
void Collector::giveUp(Exchange &exchange, bool last)
{
    if (last) {
        link_.freeRecord(exchange.slot_);
    } else {
        link_.makeZombie(exchange);
    }
    link_.fail(exchange, Cause::badReply);
}

void Collector::complain(const char *what) noexcept
{
    if (!worker_.complained) {
        worker_.complained = true;
        log::alert("application \"%s\": worker %u: %s", link_.application().name().c_str(),
                   worker_.view->number, what);
    }
}

} // namespace patchbay::app
