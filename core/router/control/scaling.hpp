// [control] How many workers an application should have: a pure function of what is known of it,
// and a memory of which workers have had nothing to do. Asked by app_supervisor, which starts and
// ends them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace patchbay::control {

// The option "processes": N is spare = max = N, all of them always there.
struct Scale {
    std::uint32_t spare = 1; // idle ones kept ready; 0: the first request starts one
    std::uint32_t max = 1;   // in all
    std::chrono::seconds idleTimeout{15};

    bool elastic() const noexcept { return spare < max; }
    bool onDemand() const noexcept { return spare == 0; }
};

// What there is, and who waits for it. Seats: request threads.
struct Workforce {
    std::uint32_t running = 0;
    std::uint32_t starting = 0;
    std::uint32_t idleSeats = 0;
    std::uint64_t waiting = 0; // requests that no worker has taken
};

// One running worker, as it was seen a moment ago.
struct WorkerSample {
    std::uint32_t number = 0;
    bool idle = false;        // all its threads sleep
    std::uint32_t served = 0; // requests taken so far; wraps around
};

class ScalePlan {
public:
    using Clock = std::chrono::steady_clock;

    // threads: seats of a worker.
    ScalePlan(const Scale &scale, std::uint32_t threads) noexcept : scale_(scale), threads_(threads)
    {
    }

    const Scale &scale() const noexcept { return scale_; }
    // How many to start now: one seat for each request that waits, and `spare` workers' worth of
    // them idle besides. Those that are starting count, so that no need is met twice.
    std::uint32_t toStart(const Workforce &now) const noexcept;
    // To be called now and then with all that run: which of them have had nothing to do for
    // idle_timeout and are more than `spare`. Low numbers stay: they are woken first (seed S45).
    std::vector<std::uint32_t> surplus(std::span<const WorkerSample> running,
                                       Clock::time_point now);
    // How often: an idle worker may stay that much longer.
    std::chrono::milliseconds lookEvery() const noexcept;

private:
    struct Seen {
        std::uint32_t served = 0;
        Clock::time_point idleSince;
        bool idle = false;
    };

    Scale scale_;
    std::uint32_t threads_;
    std::map<std::uint32_t, Seen> seen_; // by worker number
};

} // namespace patchbay::control
