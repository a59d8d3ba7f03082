// [any] Whether to look for work a moment longer before going to sleep. Waking a sleeper on another
// CPU costs some 50 µs here, looking that found something 0.3 µs. So: look, but only where the last
// waits were short, where there is another CPU to use, and where nobody else wants this one. One
// per waiting thread; used by ipc/request_queue and router/engine/engine.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

namespace patchbay {

class AdaptiveSpin {
public:
    using Clock = std::chrono::steady_clock;
    // What it asks the machine; replaced in tests.
    struct Machine {
        Clock::time_point (*now)() noexcept;
        std::uint32_t (*cpus)() noexcept;        // that this thread may run on
        std::uint64_t (*preemptions)() noexcept; // of this thread, ever
    };
    static const Machine kThisMachine;

    // longest: of one look; waits beyond that are better slept through.
    explicit AdaptiveSpin(std::chrono::microseconds longest,
                          const Machine &machine = kThisMachine) noexcept
        : longest_(longest), machine_(machine)
    {
    }

    // Calls found() again and again until it is true, then returns true. False: do sleep; at once
    // when looking is not worth it.
    template <typename Found>
    bool look(Found &&found) noexcept
    {
        if (!isWorthIt()) {
            return false;
        }
        const Clock::time_point begin = machine_.now();
        Clock::time_point time = begin;
        do {
            for (int i = 0; i < kLooksPerClock; i++) {
                if (found()) {
                    looked(true, time - begin);
                    return true;
                }
                relax();
            }
            time = machine_.now();
        } while (time - begin < longest_);
        looked(false, time - begin);
        return false;
    }

    // Around a sleep: learns how long it was. endSleep() without a beginning does nothing.
    void beginSleep() noexcept { asleepSince_ = machine_.now(); }
    void endSleep() noexcept
    {
        if (asleepSince_ != Clock::time_point{}) {
            slept(machine_.now() - std::exchange(asleepSince_, Clock::time_point{}));
        }
    }

private:
    static constexpr int kLooksPerClock = 32;
    static constexpr std::chrono::milliseconds kFirstPause{10};

    static void relax() noexcept
    {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }
    bool isWorthIt() noexcept;
    void looked(bool found, Clock::duration time) noexcept;
    void slept(Clock::duration time) noexcept;

    std::chrono::microseconds longest_;
    const Machine &machine_;
    std::uint32_t shortWaits_ = 0; // in a row
    std::uint32_t needed_ = 0;     // of them
    std::uint32_t cpus_ = 0;       // 0: not asked yet
    std::uint64_t preemptions_ = 0;
    std::uint32_t trouble_ = 0; // looks that were disturbed, less those that were not
    Clock::time_point asleepSince_;
    Clock::time_point notBefore_; // somebody else wanted the CPU
    Clock::duration pause_ = kFirstPause;
};

} // namespace patchbay
