// [control] One worker as the router sees it: from the request to its prototype until its process
// is gone. That it is gone is told by its pidfd, whoever reaps it.
#pragma once

#include "ipc/channel.hpp"
#include "router/control/control_loop.hpp"
#include "router/control/engine_set.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace patchbay::control {

// How long a prototype or a worker may take to become ready.
inline constexpr std::chrono::milliseconds kStartLimit{300'000};
// Why one that takes longer is killed.
std::string startLimitText(std::chrono::milliseconds limit);

class WorkerProcess {
public:
    enum class State : std::uint8_t { starting, running, leaving, dead };
    // Called on [control]; the object must live until they return.
    struct Events {
        std::function<void()> ready;
        std::function<void()> spent; // it is leaving: it has had as many requests as it may
        std::function<void(State before)> dead;
        // May it still have a request to finish?
        std::function<bool()> busy;
    };

    // serial: of the prototype it is forked from. channel: the router's end. startLimit: how long
    // until it is ready; it is killed then.
    WorkerProcess(ControlLoop &loop, WorkerViewPtr view, std::uint64_t serial, ipc::Channel channel,
                  std::chrono::milliseconds startLimit, Events events);
    ~WorkerProcess();
    WorkerProcess(const WorkerProcess &) = delete;
    WorkerProcess &operator=(const WorkerProcess &) = delete;

    // First messages, in this order; they wait in the socket until the worker reads.
    // requestLimit: how many it serves, 0: any number.
    void attach(int appSegment, std::uint32_t threads, std::uint32_t requestLimit);
    void engineDoorbell(std::uint32_t engine, int doorbell);

    void forked(pid_t pid, UniqueFd pidfd);
    // Its prototype has reaped it; status as of waitpid(). pid 0: could not fork it.
    void exited(pid_t pid, int status);
    void orphaned(); // its prototype is dead: no workerForked will come any more
    void quit();     // finish the current requests, then go; killed when it does not
    // One of its requests hangs: it takes no more, and has this long for the others.
    void expel(std::chrono::milliseconds grace);
    void kill(); // now, or as soon as it notices that its channel ends
    void reopenFiles();

    const WorkerViewPtr &view() const noexcept { return view_; }
    std::uint32_t number() const noexcept { return view_->number; }
    std::uint64_t serial() const noexcept { return serial_; }
    State state() const noexcept { return state_; }
    pid_t pid() const noexcept { return pid_; }
    const std::string &error() const noexcept { return error_; } // of a failed start
    // Its prototype died before it could fork it: nobody's fault.
    bool unborn() const noexcept { return orphaned_ && pid_ == 0; }
    // A seat of it serves many requests at a time: one that hangs holds up no other.
    bool servesMany() const noexcept { return servesMany_; }
    // It ended while it should have run on.
    bool diedRunning() const noexcept { return diedRunning_; }

private:
    void send(ipc::MessageType type, const std::string &payload, std::span<const int> fds = {});
    void readable();
    void handle(const ipc::Frame &frame);
    bool meetProgram(const std::string &payload);
    void closeChannel();
    void channelEnded();
    void expectEnd(std::chrono::milliseconds within);
    void overdue();
    void startOverdue();
    void processEnded();
    void die();

    ControlLoop &loop_;
    WorkerViewPtr view_;
    std::uint64_t serial_;
    ipc::Channel channel_;
    Events events_;
    State state_ = State::starting;
    bool diedRunning_ = false;
    bool orphaned_ = false;
    bool ended_ = false; // its process; its prototype has not said how
    bool expelled_ = false;
    bool servesMany_ = false;
    bool limited_ = false; // in how many requests it serves
    pid_t pid_ = 0;
    UniqueFd pidfd_;
    std::string error_;
    std::chrono::milliseconds startLimit_;
    ControlLoop::TimerId startTimer_ = 0;
    ControlLoop::TimerId endTimer_ = 0;
};

} // namespace patchbay::control
