// The event loop of one thread: epoll, timers, a mailbox and a clock. Knows nothing of HTTP; what
// it drives are EventHandlers, and one TurnHook that is told when a turn ends and when the thread
// is about to sleep. Process router, [engine], except where said.
#pragma once

#include "base/adaptive_spin.hpp"
#include "base/unique_fd.hpp"
#include "router/engine/mailbox.hpp"
#include "router/engine/timer_wheel.hpp"

#include <sys/epoll.h>

#include <cstdint>
#include <ctime>

namespace patchbay::engine {

// Owns a descriptor that an engine polls. One that is removed while the events of a turn are handed
// out may still be called for it; timers, mailbox tasks and the end of the turn may destroy
// handlers.
class EventHandler {
public:
    virtual void onEvents(std::uint32_t events) = 0; // EPOLL* bits

protected:
    ~EventHandler() = default;
};

class TurnHook {
public:
    virtual void endOfTurn() = 0;
    // Is something under way that makes no event unless the thread sleeps? Has it arrived?
    virtual bool expectsSoon() const { return false; }
    virtual bool hasArrived() const { return false; }
    // Before blocking; false: there is work, poll without waiting. Always followed by endSleep().
    virtual bool prepareSleep() = 0;
    virtual void endSleep() = 0;

protected:
    ~TurnHook() = default;
};

class Engine {
public:
    Engine(); // throws SystemError
    Engine(const Engine &) = delete;
    Engine &operator=(const Engine &) = delete;

    // False with errno when the kernel refuses.
    bool add(int fd, std::uint32_t events, EventHandler &handler) noexcept;
    void remove(int fd) noexcept; // needed only for a descriptor that stays open

    // Turns until quit(). May run again then.
    void run(TurnHook &hook);
    void quit() noexcept { quitting_ = true; }

    // Read once per turn.
    TimePoint now() const noexcept { return now_; }
    std::time_t wallClock() const noexcept { return wallClock_; }

    TimerWheel &timers() noexcept { return timers_; }
    void setTimer(Timer &timer, Clock::duration delay) noexcept
    {
        timers_.set(timer, now_ + delay);
    }
    Mailbox &mailbox() noexcept { return mailbox_; } // [any] may post

private:
    // Answers of small applications come sooner; the others are slept for.
    static constexpr std::chrono::microseconds kLongestLook{50};

    class MailboxHandler final : public EventHandler {
    public:
        void onEvents(std::uint32_t) override { hasMail = true; }
        bool hasMail = false;
    };

    int wait(TurnHook &hook, epoll_event *events) noexcept; // how many
    bool hasEvents() const noexcept;
    void updateClock() noexcept;
    int waitTimeout() const noexcept; // milliseconds, -1: for ever

    UniqueFd epoll_;
    AdaptiveSpin spin_{kLongestLook};
    Mailbox mailbox_;
    MailboxHandler mailboxHandler_;
    TimePoint now_;
    std::time_t wallClock_ = 0;
    TimerWheel timers_;
    bool quitting_ = false;
};

} // namespace patchbay::engine
