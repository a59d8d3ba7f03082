// [waker] A thread that sleeps on a word of shared memory in the place of a request loop, which
// sleeps in a poll of its runtime's, and rings when it wakes. Used by request_loop.cpp.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace patchbay::worker {

class Waker {
public:
    // sleep: returns when there is news, maybe without. ring: tells the loop. Both on this thread.
    Waker(std::function<void()> sleep, std::function<void()> ring);
    Waker(const Waker &) = delete;
    Waker &operator=(const Waker &) = delete;

    // [worker] Is sleep() about to be called, or running? What it sees counts from arm() on.
    bool armed() const noexcept { return state_.load(std::memory_order_acquire) == State::armed; }
    void arm() noexcept; // one sleep(), then one ring()

    // [worker] Ends the thread. unblock: makes a sleep() return.
    void stop(const std::function<void()> &unblock);

private:
    enum class State : int { idle, armed, stopping };

    void run();

    std::function<void()> sleep_, ring_;
    std::atomic<State> state_{State::idle};
    std::thread thread_; // last: it uses all of the above
};

} // namespace patchbay::worker
