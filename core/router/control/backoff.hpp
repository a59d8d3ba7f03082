// [control] When a failed application may be started again: at once if it had been running, then
// after 100 ms, doubling to 30 s; from the beginning after a successful answer (seed S51).
#pragma once

#include <algorithm>
#include <chrono>

namespace patchbay::control {

class Backoff {
public:
    using Clock = std::chrono::steady_clock;

    // A start or a worker has failed. answered: a request has been answered since the last failure.
    // Those that fall together with one that is being waited for, say when all workers are killed
    // at once, count as one. start: what cannot start now is not tried again at once.
    void failed(Clock::time_point now, bool answered, bool start = false)
    {
        if (!open(now)) {
            return;
        }
        failures_ = std::max(answered ? 0 : failures_, start ? 1 : 0);
        served_ = served_ || answered;
        next_ = now;
        if (failures_ > 0) {
            next_ += std::min(kFirst * (1L << std::min(failures_ - 1, 16)), kLongest);
        }
        failures_++;
    }

    // The last failure was a SIGKILL: somebody's doing, not the application's. It is started again
    // soon however often that happens, and its requests wait for it.
    void forgive(Clock::time_point now)
    {
        failures_ = std::min(failures_, kHope - 1);
        next_ = std::min(next_, now + kFirst);
    }

    // Not before this time.
    Clock::time_point next() const noexcept { return next_; }
    bool open(Clock::time_point now) const noexcept { return now >= next_; }
    // An application that has answered before and fails for the first few times will be back within
    // a second: requests may wait for it. One that never answered, or fails again and again, is
    // down.
    bool hopeful() const noexcept { return served_ && failures_ <= kHope; }

private:
    static constexpr std::chrono::milliseconds kFirst{100};
    static constexpr std::chrono::milliseconds kLongest{30'000};
    static constexpr int kHope = 4; // delays of 0, 100, 200, 400 ms

    int failures_ = 0;
    bool served_ = false;
    Clock::time_point next_{};
};

} // namespace patchbay::control
