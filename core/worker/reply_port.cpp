// [worker] Between reply_writer.cpp and the reply rings.
#include "worker/reply_port.hpp"

#include "base/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

#include <chrono>

namespace patchbay::worker {
namespace {

// Reply memory goes from one of our threads to another by way of the router: pushed here, read and
// given back there, taken here. ThreadSanitizer sees this process alone and has to be told.
void handOver([[maybe_unused]] void *memory) noexcept
{
#if defined(__SANITIZE_THREAD__)
    __tsan_release(memory);
#endif
}
void takeOver([[maybe_unused]] void *memory) noexcept
{
#if defined(__SANITIZE_THREAD__)
    __tsan_acquire(memory);
#endif
}

// The router announces an engine before its first request; longer than this only when it is stuck.
constexpr std::chrono::seconds kDoorbellPatience{5};

} // namespace

DoorbellTable::DoorbellTable() noexcept
{
    for (std::atomic<int> &fd : fds_) {
        fd.store(-1, std::memory_order_relaxed);
    }
}

DoorbellTable::~DoorbellTable()
{
    closeAll();
}

void DoorbellTable::closeAll() noexcept
{
    for (std::atomic<int> &fd : fds_) {
        UniqueFd closing(fd.exchange(-1, std::memory_order_acq_rel));
    }
}

void DoorbellTable::set(std::uint32_t engine, UniqueFd fd) noexcept
{
    if (engine >= ipc::kMaxEngines) {
        log::error("the router announced engine %u, which cannot be", engine);
        return;
    }
    int known = fds_[engine].load(std::memory_order_acquire);
    if (known >= 0) {
        // In place: another thread may be about to write to the number it has read.
        if (dup3(fd.get(), known, O_CLOEXEC) < 0) {
            log::alert("dup3() of a doorbell failed (%d)", errno);
        }
        return;
    }
    {
        std::lock_guard lock(mutex_);
        fds_[engine].store(fd.release(), std::memory_order_release);
    }
    added_.notify_all();
}

int DoorbellTable::find(std::uint32_t engine) noexcept
{
    int fd = fds_[engine].load(std::memory_order_acquire);
    if (fd >= 0) {
        return fd;
    }
    std::unique_lock lock(mutex_);
    added_.wait_for(lock, kDoorbellPatience, [&] {
        fd = fds_[engine].load(std::memory_order_acquire);
        return fd >= 0;
    });
    return fd;
}

void DoorbellTable::ring(std::uint32_t engine) noexcept
{
    int fd = find(engine);
    if (fd < 0) {
        log::error("the doorbell of engine %u is not known: its answers wait", engine);
        return;
    }
    std::uint64_t one = 1;
    // EAGAIN: the counter is full, so the engine is about to wake anyway.
    [[maybe_unused]] ssize_t written = write(fd, &one, sizeof one);
}

ReplyPort::ReplyPort(const ipc::AppSegment &application, const ipc::WorkerSegment &own,
                     DoorbellTable &doorbells, std::uint32_t worker) noexcept
    : application_(application), own_(own), doorbells_(doorbells), worker_(worker),
      pool_(own.pool())
{
}

std::optional<ReplyPort::Run> ReplyPort::takeRun(std::uint32_t units) noexcept
{
    for (std::uint32_t count = units; count > 0; count /= 2) {
        if (std::optional<std::uint32_t> unit = pool_.take(count)) {
            unsigned char *data = own_.memory(*unit, count);
            takeOver(&pool_);
            return data != nullptr ? std::optional(Run{*unit, count, data}) : std::nullopt;
        }
    }
    return std::nullopt;
}

void ReplyPort::giveRun(std::uint32_t unit, std::uint32_t units) noexcept
{
    pool_.give(unit, units);
    ipc::signalWorker(own_.layout()); // another thread may wait for memory
}

bool ReplyPort::push(std::uint32_t engine, const ipc::ReplyEntry &entry) noexcept
{
    handOver(&pool_);
    {
        std::lock_guard lock(ringLocks_[engine]);
        if (!ipc::ReplyProducer(own_.layout().rings[engine]).push(entry)) {
            return false;
        }
    }
    if (ipc::knock(application_.layout().doors[engine], worker_)) {
        doorbells_.ring(engine);
    }
    return true;
}

void ReplyPort::end() noexcept
{
    ended_.store(true, std::memory_order_release);
    ipc::signalWorker(own_.layout());
}

} // namespace patchbay::worker
