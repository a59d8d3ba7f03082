// [watcher] The small thread of a worker that listens to the router while request threads serve:
// new doorbells, quit, log rotation, the router's end. Takes no request and no signal.
#pragma once

#include "base/unique_fd.hpp"
#include "ipc/channel.hpp"
#include "worker/reply_port.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <thread>

namespace patchbay::worker {

class RouterWatch {
public:
    // Called on the watcher's thread; stop() also when end() follows, and maybe more than once.
    struct Events {
        std::function<void()> stop;        // take no more requests
        std::function<void()> end;         // nobody waits for the answers any more
        std::function<void()> reopenFiles; // of the application's output
    };

    // What a worker whose router has gone may still take; then its process ends, whatever it does.
    // All of them together are gone within 2 s (P10).
    static constexpr std::chrono::milliseconds kOrphanTime{1500};

    // router and doorbells must outlive the watch. Throws SystemError.
    RouterWatch(ipc::Channel &router, DoorbellTable &doorbells, Events events);
    ~RouterWatch(); // ends the thread
    RouterWatch(const RouterWatch &) = delete;
    RouterWatch &operator=(const RouterWatch &) = delete;

    void start();                 // throws std::system_error
    void askQuit() noexcept;      // as if the router had said it; signal-safe
    void closeInChild() noexcept; // in a process the application forked

private:
    using Clock = std::chrono::steady_clock;

    void run();
    bool readChannel();
    void handle(ipc::Frame &frame);
    void quit(bool graceful, std::chrono::milliseconds deadline);
    void exitAfter(std::chrono::milliseconds time);
    int pollTimeout() const;

    ipc::Channel &router_;
    DoorbellTable &doorbells_;
    Events events_;
    UniqueFd wake_; // eventfd
    std::atomic<bool> quitAsked_{false};
    std::atomic<bool> finished_{false}; // the thread is to end
    std::optional<Clock::time_point> exitAt_;
    std::thread thread_;
};

} // namespace patchbay::worker
