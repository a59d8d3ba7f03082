// [worker] Between worker_exchange.cpp (head, write) and reply_port.cpp (memory, rings).
#include "worker/reply_writer.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace patchbay::worker {

using ipc::kMaxRun;
using ipc::kReplyWindow;
using ipc::kUnit;

namespace {

// Of private memory that an exchange of a loop may need while reply memory is short.
constexpr std::size_t kMostRoom = 64 * 1024;

// Nanoseconds; the clock of the router's engines, read without entering the kernel.
std::uint64_t monotonicTime() noexcept
{
    auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
}

} // namespace

void ReplyWriter::begin(ipc::Ticket ticket, std::uint32_t engine, ipc::RequestSlot &slot) noexcept
{
    ticket_ = ticket;
    takenAt_ = monotonicTime();
    engine_ = engine;
    slot_ = &slot;
    staged_.clear();
    stagedAt_ = 0;
    kept_ = bodyWanted_ = finishing_ = complete_ = false;
    run_ = nullptr;
    runUnit_ = runUnits_ = runUsed_ = lastUnits_ = 0;
    sent_ = 0;
    pushed_ = false;
}

bool ReplyWriter::cancelled() const noexcept
{
    const std::uint32_t end = slot_->cancelled.load(std::memory_order_acquire);
    return (end & ipc::kCancelled) != 0 || port_.ended();
}

bool ReplyWriter::peerDone() const noexcept
{
    return (slot_->cancelled.load(std::memory_order_acquire) & ipc::kPeerDone) != 0;
}

unsigned char *ReplyWriter::stage(std::size_t size)
{
    stagedAt_ = 0;
    staged_.resize(size);
    return staged_.data();
}

// Units this exchange may still have outstanding. The router counts whole units, so do we.
std::uint32_t ReplyWriter::windowUnits() const noexcept
{
    std::uint64_t consumed = std::min(slot_->consumed.load(std::memory_order_acquire), sent_);
    std::uint64_t outstanding = sent_ - consumed;
    return outstanding < kReplyWindow
               ? static_cast<std::uint32_t>((kReplyWindow - outstanding) / kUnit)
               : 0;
}

// A run for `wanted` bytes, or as much of it as fits. Larger than the one before when that was
// filled to the end: many small writes make few, long runs.
bool ReplyWriter::takeRun(std::size_t wanted) noexcept
{
    std::size_t needed = (wanted + kUnit - 1) / kUnit;
    std::size_t grown = std::max<std::size_t>(needed, std::size_t{lastUnits_} * 2);
    auto units = static_cast<std::uint32_t>(std::clamp<std::size_t>(grown, 1, kMaxRun));
    std::optional<ReplyPort::Run> run;
    auto take = [&] {
        // Who does not wait takes what the window leaves; who does waits for a run worth it.
        const std::uint32_t open = windowUnits();
        if (waits_ == Waits::never) {
            units = std::min(units, open);
        }
        if (units == 0 || open < units) {
            return false;
        }
        run = port_.takeRun(units);
        return run.has_value();
    };
    if (!(waits_ == Waits::here ? waitUntil(take) : take())) {
        return false;
    }
    run_ = run->data;
    runUnit_ = run->unit;
    runUnits_ = run->units;
    runUsed_ = 0;
    return true;
}

void ReplyWriter::dropRun() noexcept
{
    if (runUnits_ != 0) {
        port_.giveRun(runUnit_, runUnits_);
        runUnits_ = 0;
    }
}

bool ReplyWriter::push(const ipc::ReplyEntry &entry, bool evenIfCancelled) noexcept
{
    if (waits_ == Waits::never) {
        return port_.push(engine_, entry);
    }
    return port_.waitUntil([&] { return port_.push(engine_, entry); },
                           [&] { return !evenIfCancelled && cancelled(); });
}

bool ReplyWriter::pushRun(std::uint32_t flags) noexcept
{
    ipc::ReplyEntry entry{ticket_, runUnit_, runUnits_, runUsed_, flags, takenAt_};
    // The last one frees the slot: it must arrive even when nobody wants the bytes any more.
    if (!push(entry, (flags & ipc::kReplyLast) != 0)) {
        if (waits_ == Waits::here) {
            dropRun();
        }
        return false;
    }
    sent_ += std::uint64_t{runUnits_} * kUnit;
    runUnits_ = 0;
    pushed_ = true;
    return true;
}

// `following`: bytes that will come right behind these, so that one run holds both. Returns how
// many were copied; fewer: cancelled, or it would have to wait.
std::size_t ReplyWriter::copy(const unsigned char *data, std::size_t size,
                              std::size_t following) noexcept
{
    std::size_t done = 0;
    while (done < size) {
        if (runUnits_ != 0 && runUsed_ == runUnits_ * kUnit) {
            lastUnits_ = runUnits_;
            if (!pushRun(0)) {
                break;
            }
        }
        if (runUnits_ == 0 && !takeRun(size - done + following)) {
            break;
        }
        std::size_t part = std::min<std::size_t>(size - done, runUnits_ * kUnit - runUsed_);
        std::memcpy(run_ + runUsed_, data + done, part);
        runUsed_ += static_cast<std::uint32_t>(part);
        done += part;
    }
    return done;
}

bool ReplyWriter::copyStaged(std::size_t following) noexcept
{
    if (staged_.empty()) {
        return true;
    }
    stagedAt_ += copy(staged_.data() + stagedAt_, staged_.size() - stagedAt_, following);
    if (stagedAt_ < staged_.size()) {
        return false;
    }
    staged_.clear();
    stagedAt_ = 0;
    return true;
}

// In private memory until pump() finds a place.
void ReplyWriter::keep(const unsigned char *data, std::size_t size)
{
    staged_.insert(staged_.end(), data, data + size);
    kept_ = true;
}

bool ReplyWriter::append(const void *data, std::size_t size)
{
    if (cancelled()) {
        return false;
    }
    const auto *bytes = static_cast<const unsigned char *>(data);
    const std::size_t done = copyStaged(size) ? copy(bytes, size, 0) : 0;
    if (done == size && staged_.empty()) {
        return true;
    }
    if (waits_ == Waits::here) {
        return false;
    }
    keep(bytes + done, size - done);
    return true;
}

bool ReplyWriter::flush()
{
    if (!append(nullptr, 0)) {
        return false;
    }
    lastUnits_ = 0; // written piece by piece: a long run would only be wasted on the next
    if (kept_ || runUnits_ == 0 || pushRun(0)) {
        return true;
    }
    kept_ = waits_ == Waits::never;
    return kept_;
}

bool ReplyWriter::wantBody() noexcept
{
    ipc::ReplyEntry entry{ticket_, 0, 0, 0, ipc::kReplyWantBody, takenAt_};
    if (push(entry, false)) {
        return true;
    }
    bodyWanted_ = waits_ == Waits::never;
    return bodyWanted_;
}

void ReplyWriter::finish(bool complete)
{
    complete_ = complete;
    finishing_ = true;
    // What a failed application wrote is delivered only if the client has seen the beginning of it.
    if (!(complete || pushed_) || !append(nullptr, 0)) {
        giveUp();
    }
    pushLast();
}

// The client gets none of what is still here.
void ReplyWriter::giveUp() noexcept
{
    complete_ = false;
    dropRun();
    staged_.clear();
    stagedAt_ = 0;
}

// true: it is out, or nobody waits for it any more.
bool ReplyWriter::pushLast() noexcept
{
    if (!staged_.empty()) {
        return false;
    }
    if (runUnits_ == 0) {
        runUnit_ = runUsed_ = 0;
    }
    if (!pushRun(ipc::kReplyLast | (complete_ ? 0U : ipc::kReplyAbort)) && waits_ == Waits::never) {
        return false;
    }
    finishing_ = false;
    staged_.clear();
    return true;
}

std::size_t ReplyWriter::room() const noexcept
{
    if (kept_) {
        return 0;
    }
    const std::size_t open = std::size_t{windowUnits()} * kUnit;
    const std::size_t rest = runUnits_ != 0 ? runUnits_ * kUnit - runUsed_ : 0;
    // The run being filled is not counted in the window yet.
    const std::size_t run = std::size_t{runUnits_} * kUnit;
    const std::size_t room = (open > run ? open - run : 0) + rest;
    return std::min(room > staged_.size() ? room - staged_.size() : 0, kMostRoom);
}

bool ReplyWriter::pump() noexcept
{
    if (bodyWanted_ && !cancelled()) {
        bodyWanted_ = false;
        wantBody();
    }
    if (finishing_) {
        if (port_.ended()) { // nobody is there to be told
            giveUp();
            finishing_ = false;
            return true;
        }
        if (cancelled()) {
            giveUp();
        }
        copyStaged(0);
        return pushLast();
    }
    if (kept_ && copyStaged(0) && (runUnits_ == 0 || pushRun(0))) {
        kept_ = false;
    }
    return !kept_ && !bodyWanted_;
}

} // namespace patchbay::worker
