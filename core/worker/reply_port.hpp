// What the request threads of one worker process share on the way back to the router: reply memory,
// reply rings, doorbells. [worker], all threads of it.
#pragma once

#include "base/unique_fd.hpp"
#include "ipc/layout.hpp"
#include "ipc/reply_ring.hpp"
#include "ipc/shared_segment.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

namespace patchbay::worker {

// The eventfd of each engine. The watcher thread fills it, request threads ring.
class DoorbellTable {
public:
    DoorbellTable() noexcept;
    ~DoorbellTable();
    DoorbellTable(const DoorbellTable &) = delete;
    DoorbellTable &operator=(const DoorbellTable &) = delete;

    void set(std::uint32_t engine, UniqueFd fd) noexcept;
    // Wakes the engine. One that is not known yet is waited for, but not for ever.
    void ring(std::uint32_t engine) noexcept;
    // In a child that the application forked: the descriptors are of no use there.
    void closeAll() noexcept;

private:
    int find(std::uint32_t engine) noexcept;

    std::array<std::atomic<int>, ipc::kMaxEngines> fds_;
    std::mutex mutex_;
    std::condition_variable added_;
};

class ReplyPort {
public:
    // The segments must outlive the port.
    ReplyPort(const ipc::AppSegment &application, const ipc::WorkerSegment &own,
              DoorbellTable &doorbells, std::uint32_t worker) noexcept;

    // A run of `units` or, when there is none so long, a shorter one; nullopt: nothing is free.
    struct Run {
        std::uint32_t unit;
        std::uint32_t units;
        unsigned char *data;
    };
    std::optional<Run> takeRun(std::uint32_t units) noexcept;
    void giveRun(std::uint32_t unit, std::uint32_t units) noexcept; // one that was never pushed

    // false: that ring is full. The engine is told otherwise.
    bool push(std::uint32_t engine, const ipc::ReplyEntry &entry) noexcept;

    // The router is gone or waits no longer: every wait ends, now and later. [watcher]
    void end() noexcept;
    bool ended() const noexcept { return ended_.load(std::memory_order_acquire); }

    // Sleeps until ready() holds; false: stop() holds or the port has ended.
    template <typename Ready, typename Stop>
    bool waitUntil(Ready ready, Stop stop) noexcept
    {
        ipc::WorkerSegmentLayout &shared = own_.layout();
        for (;;) {
            if (stop() || ended()) {
                return false;
            }
            if (ready()) {
                return true;
            }
            std::uint32_t seen = ipc::beginWait(shared);
            if (stop() || ended()) {
                ipc::endWait(shared);
                return false;
            }
            if (ready()) {
                ipc::endWait(shared);
                return true;
            }
            ipc::wait(shared, seen);
        }
    }

private:
    const ipc::AppSegment &application_;
    const ipc::WorkerSegment &own_;
    DoorbellTable &doorbells_;
    std::uint32_t worker_;
    ipc::UnitPool pool_;
    std::array<std::mutex, ipc::kMaxEngines> ringLocks_;
    std::atomic<bool> ended_{false};
};

} // namespace patchbay::worker
