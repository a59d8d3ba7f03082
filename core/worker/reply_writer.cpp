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

unsigned char *ReplyWriter::stage(std::size_t size)
{
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
    bool taken = waitUntil([&] {
        if (windowUnits() < units) {
            return false;
        }
        run = port_.takeRun(units);
        return run.has_value();
    });
    if (!taken) {
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

bool ReplyWriter::pushRun(std::uint32_t flags) noexcept
{
    ipc::ReplyEntry entry{ticket_, runUnit_, runUnits_, runUsed_, flags, takenAt_};
    bool last = (flags & ipc::kReplyLast) != 0;
    // The last one frees the slot: it must arrive even when nobody wants the bytes any more.
    bool done = port_.waitUntil([&] { return port_.push(engine_, entry); },
                                [&] { return !last && cancelled(); });
    if (!done) {
        dropRun();
        return false;
    }
    sent_ += std::uint64_t{runUnits_} * kUnit;
    runUnits_ = 0;
    pushed_ = true;
    return true;
}

// `following`: bytes that will come right behind these, so that one run holds both.
bool ReplyWriter::copy(const unsigned char *data, std::size_t size, std::size_t following) noexcept
{
    while (size > 0) {
        if (runUnits_ != 0 && runUsed_ == runUnits_ * kUnit) {
            lastUnits_ = runUnits_;
            if (!pushRun(0)) {
                return false;
            }
        }
        if (runUnits_ == 0 && !takeRun(size + following)) {
            return false;
        }
        std::size_t part = std::min<std::size_t>(size, runUnits_ * kUnit - runUsed_);
        std::memcpy(run_ + runUsed_, data, part);
        runUsed_ += static_cast<std::uint32_t>(part);
        data += part;
        size -= part;
    }
    return true;
}

bool ReplyWriter::append(const void *data, std::size_t size) noexcept
{
    if (cancelled()) {
        return false;
    }
    if (!staged_.empty()) {
        if (!copy(staged_.data(), staged_.size(), size)) {
            return false;
        }
        staged_.clear();
    }
    return copy(static_cast<const unsigned char *>(data), size, 0);
}

bool ReplyWriter::flush() noexcept
{
    if (!append(nullptr, 0)) {
        return false;
    }
    lastUnits_ = 0; // written piece by piece: a long run would only be wasted on the next
    return runUnits_ == 0 || pushRun(0);
}

bool ReplyWriter::wantBody() noexcept
{
    ipc::ReplyEntry entry{ticket_, 0, 0, 0, ipc::kReplyWantBody, takenAt_};
    return waitUntil([&] { return port_.push(engine_, entry); });
}

void ReplyWriter::finish(bool complete) noexcept
{
    // What a failed application wrote is delivered only if the client has seen the beginning of it.
    bool deliver = complete || pushed_;
    if (deliver && !append(nullptr, 0)) {
        deliver = complete = false;
    }
    if (!deliver) {
        dropRun();
    }
    if (runUnits_ == 0) {
        runUnit_ = runUsed_ = 0;
    }
    pushRun(ipc::kReplyLast | (complete ? 0U : ipc::kReplyAbort));
    staged_.clear();
}

} // namespace patchbay::worker
