#include "router/app/dispatch.hpp"

#include "base/log.hpp"
#include "router/app/app_link.hpp"

#include <unistd.h>

namespace patchbay::app {
namespace {

constexpr std::size_t kMaxRunBytes = std::size_t{ipc::kMaxRun} * ipc::kUnit;
constexpr std::uint32_t kWindowUnits = ipc::kBodyWindow / ipc::kUnit;

constexpr std::uint32_t unitsFor(std::size_t bytes)
{
    return static_cast<std::uint32_t>((bytes + ipc::kUnit - 1) / ipc::kUnit);
}

bool readFile(int fd, unsigned char *out, std::size_t size, std::uint64_t offset) noexcept
{
    while (size > 0) {
        const ssize_t got = pread(fd, out, size, static_cast<off_t>(offset));
        if (got <= 0) {
            if (got < 0 && errno == EINTR) {
                continue;
            }
            log::alert("reading a spooled request body failed (%d)", got < 0 ? errno : 0);
            return false;
        }
        out += got;
        offset += static_cast<std::uint64_t>(got);
        size -= static_cast<std::size_t>(got);
    }
    return true;
}

bool copyBody(const BodySource &body, unsigned char *out, std::size_t size,
              std::uint64_t offset) noexcept
{
    if (size == 0) {
        return true;
    }
    if (body.fd >= 0) {
        return readFile(body.fd, out, size, offset);
    }
    std::memcpy(out, body.memory + offset, size);
    return true;
}

} // namespace

Sent send(AppLink &link, Exchange &exchange) noexcept
{
    const Application &app = link.application();
    const std::size_t messageSize = app.encoder().encodedSize(*exchange.request_);
    if (messageSize == 0 || messageSize > kMaxRunBytes) {
        log::error("application \"%s\": a request of %zu bytes cannot be handed over",
                   app.name().c_str(), messageSize);
        return Sent::invalid;
    }
    // A body that fits goes along; a longer one is asked for, window by window.
    const std::uint64_t total = exchange.body_.size;
    const std::size_t inlined =
        total <= kMaxRunBytes - messageSize ? static_cast<std::size_t>(total) : 0;

    std::uint32_t index = 0;
    SlotRecord *record = link.takeRecord(unitsFor(messageSize + inlined), index);
    if (record == nullptr) {
        return Sent::full;
    }
    Workspace &workspace = link.workspace();
    unsigned char *memory = workspace.segment().memory(record->unit, record->units);
    if (!app.encoder().encode(*exchange.request_, memory, messageSize) ||
        !copyBody(exchange.body_, memory + messageSize, inlined, 0)) {
        link.freeRecord(index);
        return Sent::invalid;
    }
    ipc::RequestSlot &slot = workspace.segment().layout().slots[index];
    slot.exchangeId = exchange.request_->exchange_id;
    slot.contentLength = total;
    slot.engine = link.engineNumber();
    slot.unit = record->unit;
    slot.messageSize = static_cast<std::uint32_t>(messageSize);
    slot.bodySize = static_cast<std::uint32_t>(inlined);
    slot.cancelled.store(0, std::memory_order_relaxed);
    slot.inboxSize.store(0, std::memory_order_relaxed);
    slot.inboxUnit.store(0, std::memory_order_relaxed);
    slot.inboxSeq.store(0, std::memory_order_relaxed);
    slot.consumed.store(0, std::memory_order_relaxed);

    const std::optional<ipc::Ticket> ticket = workspace.queue().push(index); // publishes all of it
    if (!ticket) {
        link.freeRecord(index);
        return Sent::full;
    }
    record->ticket = *ticket;
    record->exchange = &exchange;
    exchange.state_ = Exchange::State::handed;
    exchange.slot_ = index;
    exchange.ticket_ = *ticket;
    exchange.bodyOffset_ = inlined;
    link.notePushed();
    return Sent::yes;
}

bool fillInbox(AppLink &link, Exchange &exchange) noexcept
{
    Workspace &workspace = link.workspace();
    SlotRecord &record = workspace.slot(exchange.slot_);
    if (record.inboxUnits == 0) { // once; all windows of an exchange use the same run
        const std::optional<std::uint32_t> unit = workspace.memory().take(kWindowUnits);
        if (!unit) {
            return false;
        }
        record.inboxUnit = *unit;
        record.inboxUnits = kWindowUnits;
    }
    const std::uint64_t left = exchange.body_.size - exchange.bodyOffset_;
    auto size = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, ipc::kBodyWindow));
    unsigned char *memory = workspace.segment().memory(record.inboxUnit, record.inboxUnits);
    if (!copyBody(exchange.body_, memory, size, exchange.bodyOffset_)) {
        size = 0; // the worker sees an end before contentLength
    }
    exchange.bodyOffset_ += size;

    ipc::RequestSlot &slot = workspace.segment().layout().slots[exchange.slot_];
    slot.inboxUnit.store(record.inboxUnit, std::memory_order_relaxed);
    slot.inboxSize.store(size, std::memory_order_relaxed);
    slot.inboxSeq.fetch_add(1, std::memory_order_release);
    if (exchange.worker_ != nullptr) {
        ipc::signalWorker(exchange.worker_->view->segment.layout());
    }
    return true;
}

} // namespace patchbay::app
