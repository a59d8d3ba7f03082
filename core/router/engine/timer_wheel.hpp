// Timers of one engine, O(1) each and lazy: moving a deadline further away, which every request
// does, is one store. Resolution kTick. Process router, [engine]; after epoll, before the end of a
// loop turn.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace patchbay::engine {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
inline constexpr TimePoint kNever = TimePoint::max();

class TimerWheel;

// One deadline. Owned by whoever waits; leaves its wheel when destroyed.
class Timer {
public:
    Timer() = default;
    Timer(const Timer &) = delete;
    Timer &operator=(const Timer &) = delete;

    TimePoint deadline() const noexcept { return deadline_; }
    bool isSet() const noexcept { return deadline_ != kNever; }
    // Stays where it is in the wheel and does nothing when its place comes.
    void cancel() noexcept { deadline_ = kNever; }
    // Before its wheel is destroyed, for a timer that lives longer.
    void leave() noexcept
    {
        cancel();
        unlink();
    }

protected:
    virtual ~Timer() { unlink(); } // virtual only because the wheel is a friend

private:
    friend class TimerWheel;
    virtual void onTimer() = 0; // may set() or destroy the timer
    void unlink() noexcept;

    Timer *next_ = nullptr;
    Timer **link_ = nullptr; // what points here; null: in no wheel
    TimePoint deadline_ = kNever;
    std::uint64_t tick_ = 0; // of the place it lies in
};

class TimerWheel {
public:
    static constexpr std::chrono::milliseconds kTick{16};

    explicit TimerWheel(TimePoint start) noexcept : start_(start) {}
    TimerWheel(const TimerWheel &) = delete;
    TimerWheel &operator=(const TimerWheel &) = delete;

    // Fires once, at `deadline` or up to a tick later.
    void set(Timer &timer, TimePoint deadline) noexcept;
    // Fires what is due.
    void advance(TimePoint now);
    // When advance() should be called next. It may then find that nothing is due after all.
    std::optional<TimePoint> next() const noexcept;

private:
    static constexpr std::size_t kPlaces = 2048; // about 33 s a round; later ones go round again
    static constexpr std::size_t kWords = kPlaces / 64;

    std::uint64_t tickOf(TimePoint time) const noexcept;
    void insert(Timer &timer) noexcept;
    void firePlace(std::uint64_t tick, TimePoint now);
    std::optional<std::size_t> firstPlaceAfter(std::uint64_t tick) const noexcept;

    TimePoint start_;
    std::uint64_t current_ = 0; // every place up to this tick has been looked at
    std::array<Timer *, kPlaces> places_{};
    // 1 = the place may hold timers; cleared when it is found empty.
    std::array<std::uint64_t, kWords> used_{};
};

} // namespace patchbay::engine
