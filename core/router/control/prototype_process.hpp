// [control] One prototype as the router sees it: from the request to main until its channel ends.
#pragma once

#include "ipc/channel.hpp"
#include "router/control/control_loop.hpp"
#include "router/control/main_link.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace patchbay::control {

class PrototypeProcess {
public:
    enum class State : std::uint8_t { starting, ready, quitting, dead };
    // Called on [control]; the object must live until they return.
    struct Events {
        std::function<void()> ready;
        // It is dead. error: why it never became ready; empty when it had.
        std::function<void(const std::string &error)> dead;
        std::function<void(std::uint32_t worker, pid_t pid, UniqueFd pidfd)> workerForked;
        std::function<void(std::uint32_t worker, pid_t pid, int status)> workerExited;
    };

    // serial: tells a prototype's workers from those of its predecessor.
    // startLimit: how long until it is ready; it is killed then.
    PrototypeProcess(ControlLoop &loop, std::uint64_t serial, std::chrono::milliseconds startLimit,
                     Events events);
    ~PrototypeProcess();
    PrototypeProcess(const PrototypeProcess &) = delete;
    PrototypeProcess &operator=(const PrototypeProcess &) = delete;

    void start(MainLink &main, const std::string &name, const std::string &blob, int standardError);
    // False: it cannot be asked any more; dead() follows.
    bool startWorker(std::uint32_t number, const ipc::Channel &workersEnd);
    // Ends it and, through it, what workers it has left; dead() follows in bounded time.
    void quit();
    void exited(int status); // main has reaped it; status as of waitpid()
    void reopenFiles();

    State state() const noexcept { return state_; }
    std::uint64_t serial() const noexcept { return serial_; }
    pid_t pid() const noexcept { return pid_; }

private:
    void started(int error, pid_t pid, ipc::Channel channel);
    void readable();
    void channelEnded();
    void handle(ipc::Frame &frame);
    void startOverdue();
    void die();
    void workerForked(ipc::Frame &frame);
    void workerExited(const ipc::Frame &frame);

    ControlLoop &loop_;
    std::uint64_t serial_;
    Events events_;
    State state_ = State::starting;
    bool wasReady_ = false;
    bool quitAsked_ = false;
    pid_t pid_ = 0;
    UniqueFd pidfd_; // to kill it by
    ipc::Channel channel_;
    std::map<pid_t, pid_t> workers_; // number in the prototype's pid namespace: in ours
    std::string error_;
    std::chrono::milliseconds startLimit_;
    ControlLoop::TimerId startTimer_ = 0;
    ControlLoop::TimerId quitTimer_ = 0;       // also while it is not known how it ended
    std::shared_ptr<PrototypeProcess *> self_; // main's answer may come after our end
};

} // namespace patchbay::control
