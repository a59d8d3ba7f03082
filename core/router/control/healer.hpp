// [control] Brings back what does not run although the configuration is in effect: listeners that
// could not be opened are tried again with growing delays, applications that start at last take
// over from their old version.
#pragma once

#include "router/control/control_loop.hpp"
#include "router/control/job_queue.hpp"
#include "router/control/reconfigure.hpp"

#include <chrono>

namespace patchbay::control {

class Healer {
public:
    Healer(ControlLoop &loop, JobQueue &jobs, Controller &controller)
        : loop_(loop), jobs_(jobs), controller_(controller)
    {
    }
    ~Healer() { loop_.cancel(timer_); }
    Healer(const Healer &) = delete;
    Healer &operator=(const Healer &) = delete;

    // After every job: there may be something to do now.
    void look();

private:
    void tick();
    void heal();

    ControlLoop &loop_;
    JobQueue &jobs_;
    Controller &controller_;
    ControlLoop::TimerId timer_ = 0;
    bool queued_ = false;
    std::uint64_t generation_ = 0;          // that delay_ belongs to
    std::chrono::milliseconds delay_{0};    // between two tries of listeners
    ControlLoop::Clock::time_point next_{}; // of them
};

} // namespace patchbay::control
