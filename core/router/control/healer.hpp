// [control] Mends what a change left undone: listeners that could not be opened and modules that
// could not be loaded are tried again with growing delays, applications that start at last take
// over from their old version, and what could not be stored is stored when the disk has room.
#pragma once

#include "router/control/config_service.hpp"
#include "router/control/control_loop.hpp"
#include "router/control/job_queue.hpp"

#include <chrono>

namespace patchbay::control {

class Healer {
public:
    Healer(ControlLoop &loop, JobQueue &jobs, Controller &controller, ConfigService &service)
        : loop_(loop), jobs_(jobs), controller_(controller), service_(service)
    {
    }
    ~Healer() { loop_.cancel(timer_); }
    Healer(const Healer &) = delete;
    Healer &operator=(const Healer &) = delete;

    // After every job: there may be something to do now.
    void look();

private:
    bool healthy() const;
    void tick();
    void heal();

    ControlLoop &loop_;
    JobQueue &jobs_;
    Controller &controller_;
    ConfigService &service_;
    ControlLoop::TimerId timer_ = 0;
    bool queued_ = false;
    std::uint64_t generation_ = 0;          // that delay_ belongs to
    std::chrono::milliseconds delay_{0};    // between two tries of listeners and disk
    ControlLoop::Clock::time_point next_{}; // of them
};

} // namespace patchbay::control
