// Process "main": the loop it lives in. Signals, the router's wishes, its children.
#pragma once

#include "main/configurator.hpp"
#include "main/control_socket.hpp"
#include "main/file_service.hpp"
#include "main/files.hpp"
#include "main/module_search.hpp"
#include "main/router_process.hpp"
#include "main/service_notify.hpp"
#include "main/signals.hpp"
#include "main/socket_binder.hpp"
#include "main/start_report.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace patchbay::main_ {

class Supervisor {
public:
    // What was made before; it outlives this.
    struct Parts {
        const ConfigFiles &files;
        const StateStore &state;
        ControlSocket &control;
        LogFile &log;
        SignalSource &signals;
        StartReport &report;
        ServiceNotify &service;
    };

    Supervisor(RouterProcess::Settings settings, const Parts &parts, StartChoices choices);

    // Until the daemon is told to end and everything it started is gone, or the start failed.
    // The exit status.
    int run();

private:
    using Clock = RouterProcess::Clock;
    enum class Phase { starting, running, stopping };

    void turn();
    int pollTimeout() const;
    void runTimers();
    void pingRouter();
    bool finished();
    RouterSend sender();

    void handleSignals();
    void reloadAsked(SignalSource::Signal signal);
    void reopenLog();
    void stop(bool graceful, std::chrono::milliseconds deadline);
    void startFailed();
    void killChildren();

    void readRouter();
    void handle(ipc::Frame &frame);
    void openSocket(ipc::WireReader &reader);
    void startPrototype(ipc::WireReader &reader, ipc::Frame &frame);
    void answerPrototype(std::uint64_t request, pid_t pid, int error, int fd);
    void activated(int text, uid_t author, std::uint64_t modules);
    void configured(ipc::WireReader &reader);
    void reloaded(ipc::WireReader &reader);

    void reap();
    void childEnded(pid_t pid, int status);
    void routerEnded();

    worker::Credentials user_;
    bool asUnit_;
    Parts parts_;
    SocketBinder binder_;
    ModuleSearch modules_;
    RouterProcess router_;
    Configurator configurator_;
    FileService files_;
    std::set<pid_t> prototypes_;
    Phase phase_ = Phase::starting;
    int exitStatus_ = 0;
    bool noChildren_ = false; // as of the last reap()
    // For the watchdog of the service manager.
    std::optional<Clock::time_point> pingAt_;
    bool pingUnanswered_ = false;
    std::optional<Clock::time_point> killAt_;  // what is left of our children then
    std::optional<Clock::time_point> leaveAt_; // whoever else is left: not ours
};

} // namespace patchbay::main_
