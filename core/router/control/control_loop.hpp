// [control] The one loop of the router's control thread: channels, pidfds, the mailbox, timers.
// An apply waits inside it (runUntil), so that worker deaths and back-off go on meanwhile.
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "router/engine/mailbox.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace patchbay::control {

// A wait was interrupted: the router ends. What was under way may have taken effect or not.
class Stopping : public Error {
public:
    Stopping() : Error("The router is stopping.") {}
};

class ControlLoop {
public:
    using Clock = std::chrono::steady_clock;
    using Task = std::function<void()>;
    using TimerId = std::uint64_t; // 0: no timer

    ControlLoop();  // throws SystemError
    ~ControlLoop(); // runs what is left in the mailbox: deleters are among it
    ControlLoop(const ControlLoop &) = delete;
    ControlLoop &operator=(const ControlLoop &) = delete;

    // Calls `ready` as long as fd has something to read, or takes something to write, or has
    // reached its end. One interest at a time: unwatch() before another. An exception that leaves a
    // task is logged; the loop goes on.
    enum class Interest : std::uint8_t { read, write };
    void watch(int fd, Task ready, Interest interest = Interest::read);
    void unwatch(int fd) noexcept; // before fd is closed; harmless when it is not watched

    TimerId after(std::chrono::milliseconds delay, Task task);
    void cancel(TimerId &id) noexcept; // sets it to 0

    // [any] Runs the task on the control thread.
    void post(Task task) { mailbox_.post(std::move(task)); }

    // Runs until done() is true. false: the deadline has passed or interrupt() was called. May be
    // called from within runUntil, but not from a task of the mailbox.
    bool runUntil(const std::function<bool()> &done,
                  std::optional<Clock::time_point> deadline = {});
    // Makes every runUntil, running or to come, return false until allow().
    void interrupt() noexcept { interrupted_ = true; }
    void allow() noexcept { interrupted_ = false; }
    bool interrupted() const noexcept { return interrupted_; }

private:
    using TimerKey = std::pair<Clock::time_point, TimerId>;

    void turn(std::optional<Clock::time_point> deadline);
    void runTimers();
    int waitTime(std::optional<Clock::time_point> deadline) const;

    UniqueFd epoll_;
    engine::Mailbox mailbox_;
    // By a number never used again, not by fd: an event of a closed fd must not reach its heir.
    std::map<std::uint64_t, std::shared_ptr<Task>> watchers_;
    std::map<int, std::uint64_t> byFd_;
    std::map<TimerKey, Task> timers_;
    std::map<TimerId, Clock::time_point> timerTimes_;
    std::uint64_t lastId_ = 0;
    bool interrupted_ = false;
};

} // namespace patchbay::control
