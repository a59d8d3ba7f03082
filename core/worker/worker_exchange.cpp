// [worker] Between worker.cpp (takes the ticket) and reply_writer.cpp (sends the answer).
#include "worker/worker_exchange.hpp"

#include "base/log.hpp"
#include "worker/reply_head.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

namespace patchbay::worker {
namespace {

std::uint32_t unitsOf(std::uint64_t bytes) noexcept
{
    return static_cast<std::uint32_t>((bytes + ipc::kUnit - 1) / ipc::kUnit);
}

int fail(pb_error *error, const char *text) noexcept
{
    if (error != nullptr) {
        std::snprintf(error->text, sizeof error->text, "%s", text);
    }
    return PB_ERROR;
}

WorkerExchange &self(void *context) noexcept
{
    return *static_cast<WorkerExchange *>(context);
}

} // namespace

WorkerExchange::WorkerExchange(const ipc::AppSegment &application, ReplyPort &port) noexcept
    : application_(application), waits_(Waits::here), writer_(port, Waits::here)
{
    init();
}

WorkerExchange::WorkerExchange(const ipc::AppSegment &application, ReplyPort &port,
                               std::function<void(const WorkerExchange &)> changed)
    : application_(application), waits_(Waits::never), writer_(port, Waits::never),
      changed_(std::move(changed))
{
    init();
}

void WorkerExchange::init() noexcept
{
    face_.struct_size = sizeof face_;
    face_.context = this;
    face_.read_body = &readBody;
    face_.head = &head;
    face_.write = &write;
    face_.write_buffered = &writeBuffered;
    face_.cancelled = &cancelled;
    face_.finish = &finish;
    face_.room = &room;
}

bool WorkerExchange::begin(ipc::Ticket ticket) noexcept
{
    std::uint32_t index = ipc::ticketSlot(ticket);
    if (index >= ipc::kMaxSlots) {
        log::alert("request with slot %u, which cannot be", index);
        return false;
    }
    slot_ = &application_.layout().slots[index];
    std::uint32_t engine = slot_->engine;
    if (engine >= ipc::kMaxEngines) {
        log::alert("request of engine %u, which cannot be", engine);
        return false;
    }
    writer_.begin(ticket, engine, *slot_);
    stage_ = Stage::noHead;
    bodyFailed_ = asked_ = kept_ = false;
    told_ = 0;
    face_.user = nullptr;
    face_.id = slot_->exchangeId;
    face_.content_length = slot_->contentLength;
    inboxSeq_ = slot_->inboxSeq.load(std::memory_order_acquire);
    if (!placeBody(slot_->unit, slot_->messageSize, slot_->bodySize)) {
        log::alert("request #%llu lies outside of the memory of requests",
                   static_cast<unsigned long long>(face_.id));
        finish(false);
        return false;
    }
    return true;
}

bool WorkerExchange::placeBody(std::uint32_t unit, std::uint32_t messageSize,
                               std::uint32_t bodySize) noexcept
{
    const unsigned char *message =
        application_.memory(unit, unitsOf(std::uint64_t{messageSize} + bodySize));
    if (message == nullptr || bodySize > face_.content_length) {
        return false;
    }
    face_.message = message;
    face_.message_size = messageSize;
    part_ = message + messageSize;
    partSize_ = bodySize;
    missing_ = face_.content_length - bodySize;
    return true;
}

void WorkerExchange::end(bool complete) noexcept
{
    if (stage_ != Stage::finished) {
        finish(complete && stage_ == Stage::body);
    }
}

void WorkerExchange::finish(bool complete) noexcept
{
    try {
        writer_.finish(complete);
    } catch (const std::exception &) { // no memory to keep the rest in
        writer_.finish(false);
    }
    stage_ = Stage::finished;
    told_ = 0;
    if (waits_ == Waits::never) {
        kept_ = !writer_.pump();
        changed_(*this);
    }
}

// The runtime has been told that there is nothing yet.
void WorkerExchange::tell(unsigned told)
{
    if (waits_ == Waits::never && (told_ & told) == 0) {
        told_ |= told;
        changed_(*this);
    }
}

// The writer may have kept something back.
void WorkerExchange::keep()
{
    if (waits_ == Waits::never && !writer_.pump()) {
        kept_ = true;
        changed_(*this);
    }
}

bool WorkerExchange::progress() noexcept
{
    if (kept_) {
        kept_ = !writer_.pump();
    }
    if (stage_ == Stage::finished) {
        return false;
    }
    const bool news =
        (told_ != 0 && writer_.cancelled()) ||
        ((told_ & kNotCancelled) != 0 && writer_.peerDone()) ||
        ((told_ & kNoBody) != 0 && slot_->inboxSeq.load(std::memory_order_acquire) != inboxSeq_) ||
        ((told_ & kNoRoom) != 0 && writer_.room() != 0);
    if (news) {
        told_ = 0; // it asks again if it still wants to know
    }
    return news;
}

// The router fills the one window of this exchange, then counts it. 1: it is there; PB_AGAIN: not
// yet; -1: it will never be.
std::int64_t WorkerExchange::fetchWindow() noexcept
{
    std::uint32_t seq = inboxSeq_;
    const auto filled = [&] {
        seq = slot_->inboxSeq.load(std::memory_order_acquire);
        return seq != inboxSeq_;
    };
    if (waits_ == Waits::here) {
        return writer_.wantBody() && writer_.waitUntil(filled) && takeWindow(seq) ? 1 : -1;
    }
    if (!asked_) {
        asked_ = true;
        writer_.wantBody();
        keep();
    }
    if (!filled()) {
        tell(kNoBody);
        return PB_AGAIN;
    }
    asked_ = false;
    return takeWindow(seq) ? 1 : -1;
}

bool WorkerExchange::takeWindow(std::uint32_t seq) noexcept
{
    inboxSeq_ = seq;
    std::uint32_t size = slot_->inboxSize.load(std::memory_order_acquire);
    std::uint32_t unit = slot_->inboxUnit.load(std::memory_order_acquire);
    part_ = application_.memory(unit, unitsOf(size));
    if (part_ == nullptr || size == 0 || size > missing_ || size > ipc::kBodyWindow) {
        bodyFailed_ = true;
        return false;
    }
    partSize_ = size;
    missing_ -= size;
    return true;
}

std::int64_t WorkerExchange::readBody(void *context, void *buffer, std::size_t size)
{
    WorkerExchange &exchange = self(context);
    if (exchange.stage_ == Stage::finished || exchange.bodyFailed_ ||
        exchange.writer_.cancelled()) {
        return -1;
    }
    if (size == 0 || (exchange.partSize_ == 0 && exchange.missing_ == 0)) {
        return 0;
    }
    if (exchange.partSize_ == 0) {
        const std::int64_t fetched = exchange.fetchWindow();
        if (fetched <= 0) {
            return fetched;
        }
    }
    std::size_t part = std::min(size, exchange.partSize_);
    std::memcpy(buffer, exchange.part_, part);
    exchange.part_ += part;
    exchange.partSize_ -= part;
    return static_cast<std::int64_t>(part);
}

int WorkerExchange::takeHead(std::uint32_t status, const pb_field *fields, std::size_t count,
                             pb_error *error)
{
    if (stage_ == Stage::finished) {
        return fail(error, "the response is complete already");
    }
    if (stage_ != Stage::noHead) {
        return fail(error, "the response header has been sent already");
    }
    if (writer_.cancelled()) {
        return fail(error, "the client is gone");
    }
    std::span<const pb_field> list(fields, count);
    if (std::string fault = headFault(status, list); !fault.empty()) {
        return fail(error, fault.c_str());
    }
    writeHead(writer_.stage(headSize(list)), status, list);
    stage_ = Stage::body;
    return PB_OK;
}

int WorkerExchange::head(void *context, std::uint32_t status, const pb_field *fields,
                         std::size_t count, pb_error *error)
{
    try {
        return self(context).takeHead(status, fields, count, error);
    } catch (const std::exception &e) { // no memory
        return fail(error, e.what());
    }
}

int WorkerExchange::write(void *context, const void *data, std::size_t size)
{
    WorkerExchange &exchange = self(context);
    if (writeBuffered(context, data, size) != PB_OK) {
        return PB_ERROR;
    }
    try {
        const bool sent = exchange.writer_.flush();
        exchange.keep();
        return sent ? PB_OK : PB_ERROR;
    } catch (const std::exception &) { // no memory
        return PB_ERROR;
    }
}

int WorkerExchange::writeBuffered(void *context, const void *data, std::size_t size)
{
    WorkerExchange &exchange = self(context);
    if (exchange.stage_ != Stage::body ||
        (exchange.waits_ == Waits::never && size > exchange.writer_.room())) {
        return PB_ERROR;
    }
    try {
        return exchange.writer_.append(data, size) ? PB_OK : PB_ERROR;
    } catch (const std::exception &) { // no memory
        return PB_ERROR;
    }
}

// Once finished the slot is the router's, and maybe another request's.
int WorkerExchange::cancelled(void *context)
{
    WorkerExchange &exchange = self(context);
    if (exchange.stage_ == Stage::finished) {
        return 0;
    }
    if (exchange.writer_.cancelled()) {
        return 1;
    }
    if (exchange.waits_ == Waits::never && exchange.writer_.peerDone()) {
        return 2;
    }
    exchange.tell(kNotCancelled);
    return 0;
}

std::size_t WorkerExchange::room(void *context)
{
    WorkerExchange &exchange = self(context);
    if (exchange.stage_ == Stage::finished) {
        return 0;
    }
    const std::size_t room = exchange.writer_.room();
    if (room == 0) {
        exchange.tell(kNoRoom);
    }
    return room;
}

int WorkerExchange::finish(void *context, int result)
{
    WorkerExchange &exchange = self(context);
    const bool complete = result == PB_OK;
    if (exchange.stage_ == Stage::finished || (complete && exchange.stage_ == Stage::noHead)) {
        return PB_ERROR;
    }
    exchange.finish(complete);
    return PB_OK;
}

} // namespace patchbay::worker
