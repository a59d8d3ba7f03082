// Before: patchbayd.cpp has prepared files, log and modules. After: the end of the process.
#include "main/supervisor.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace patchbay::main_ {

using ipc::MessageType;

namespace {

constexpr std::chrono::milliseconds kTermTime{5'000};
// SIGQUIT means "finish what is in flight"; a service manager's patience is longer than this.
constexpr std::chrono::milliseconds kQuitTime{60'000};
// What the router and the prototypes need beyond the deadline for requests.
constexpr std::chrono::milliseconds kMargin{5'000};
constexpr std::chrono::milliseconds kNowTime{2'000};
// Workers whose prototype was killed end by themselves within this time.
constexpr std::chrono::milliseconds kOrphanTime{2'500};

} // namespace

Supervisor::Supervisor(RouterProcess::Settings settings, const Parts &parts, StartChoices choices)
    : user_(settings.user), asUnit_(settings.asUnit), parts_(parts), modules_(settings, sender()),
      router_(std::move(settings)), configurator_(std::move(choices), sender()),
      files_(parts.files, parts.state, sender(),
             [this](int text, uid_t author, std::uint64_t modules) {
                 activated(text, author, modules);
             })
{
    // Workers whose prototype died, and what applications leave behind, become our children (P12).
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (parts_.service.watchdog()) {
        pingAt_ = Clock::now();
    }
}

RouterSend Supervisor::sender()
{
    return [this](MessageType type, std::string_view payload, std::span<const int> fds) {
        router_.send(type, payload, fds);
    };
}

int Supervisor::run()
{
    if (!router_.start()) {
        parts_.report.error("The router cannot be started; the log says why.");
        return 1;
    }
    while (!finished()) {
        turn();
    }
    return exitStatus_;
}

bool Supervisor::finished()
{
    if (phase_ != Phase::stopping || router_.alive() || !prototypes_.empty()) {
        return false;
    }
    if (!leaveAt_) {
        leaveAt_ = Clock::now() + kOrphanTime;
    }
    return noChildren_ || Clock::now() >= *leaveAt_;
}

int Supervisor::pollTimeout() const
{
    std::optional<Clock::time_point> next;
    for (const auto &time : {killAt_, leaveAt_, configurator_.retryAt(), modules_.killAt(), pingAt_,
                             phase_ == Phase::stopping ? std::nullopt : router_.restartAt()}) {
        if (time && (!next || *time < *next)) {
            next = time;
        }
    }
    if (!next) {
        return -1;
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

void Supervisor::turn()
{
    pollfd entries[2] = {{parts_.signals.fd(), POLLIN, 0}, {router_.fd(), POLLIN, 0}};
    if (router_.wantsToWrite()) {
        entries[1].events |= POLLOUT;
    }
    if (poll(entries, router_.fd() >= 0 ? 2 : 1, pollTimeout()) < 0 && errno != EINTR) {
        throw SystemError("poll()");
    }
    // What the router said before it died counts; its death is seen after.
    if (router_.fd() >= 0 && entries[1].revents != 0) {
        readRouter();
    }
    if (entries[0].revents != 0) {
        handleSignals();
    }
    runTimers();
}

// Twice in the time of the watchdog, which hears of us only if the router answers. One at a time: a
// router that hangs does not find a heap of them.
void Supervisor::pingRouter()
{
    pingAt_ = Clock::now() + *parts_.service.watchdog() / 2;
    if (!pingUnanswered_ && router_.fd() >= 0) {
        pingUnanswered_ = true;
        router_.send(MessageType::ping, {});
    }
}

void Supervisor::runTimers()
{
    Clock::time_point now = Clock::now();
    if (pingAt_ && now >= *pingAt_) {
        pingRouter();
    }
    if (killAt_ && now >= *killAt_) {
        killChildren();
    }
    if (modules_.killAt() && now >= *modules_.killAt()) {
        modules_.kill();
    }
    if (configurator_.retryAt() && now >= *configurator_.retryAt()) {
        configurator_.retry();
    }
    if (phase_ == Phase::running && router_.restartAt() && now >= *router_.restartAt()) {
        router_.start();
    }
}

void Supervisor::handleSignals()
{
    while (std::optional<SignalSource::Signal> signal = parts_.signals.next()) {
        switch (signal->number) {
        case SIGCHLD:
            break; // reaped below, whatever was merged into one signal
        case SIGUSR1:
            log::notice("signal %d (SIGUSR1) received, log files rotation", SIGUSR1);
            reopenLog();
            break;
        case SIGHUP:
        case SIGUSR2:
            reloadAsked(*signal);
            break;
        default:
            log::notice("signal signo:%d (%s) received", signal->number,
                        signalName(signal->number).c_str());
            stop(true, signal->number == SIGQUIT ? kQuitTime : kTermTime);
        }
    }
    reap();
}

void Supervisor::reloadAsked(SignalSource::Signal signal)
{
    if (signal.number == SIGHUP && parts_.files.hasFile() && phase_ != Phase::stopping) {
        log::notice("signal signo:%d (SIGHUP) received, reconfiguring", signal.number);
        parts_.service.reloading();
        configurator_.reload(signal.sender);
    } else {
        log::notice("signal signo:%d (%s) received, ignored", signal.number,
                    signalName(signal.number).c_str());
    }
}

void Supervisor::reopenLog()
{
    try {
        parts_.log.open();
    } catch (const Error &error) {
        log::alert("%s", error.what());
    }
    int fd = STDERR_FILENO;
    router_.send(MessageType::reopenLog, {}, {&fd, 1}); // even so: applications have own files
}

// The first one is patient, the next one is not.
void Supervisor::stop(bool graceful, std::chrono::milliseconds deadline)
{
    bool first = phase_ != Phase::stopping;
    bool patient = graceful && first;
    phase_ = Phase::stopping;
    parts_.service.stopping();
    modules_.cancel();
    ipc::WireWriter message;
    message.u32(patient ? 1 : 0).u32(patient ? static_cast<std::uint32_t>(deadline.count()) : 0);
    router_.send(MessageType::quit, message.bytes());
    // The router has descriptors of its own and drains what the kernel accepts until it closes
    // them.
    binder_.closeDescriptors();
    parts_.control.closeDescriptor();
    Clock::time_point when = Clock::now() + (patient ? deadline + kMargin : kNowTime);
    killAt_ = killAt_ ? std::min(*killAt_, when) : when;
    for (pid_t pid : prototypes_) {
        kill(pid, SIGTERM); // keepers stop waiting for what applications leave behind
    }
    reap();
}

void Supervisor::startFailed()
{
    exitStatus_ = 1;
    stop(false, {});
}

void Supervisor::killChildren()
{
    killAt_.reset();
    if (router_.alive()) {
        log::alert("the router did not end in time and is killed");
        router_.kill();
    }
    for (pid_t pid : prototypes_) { // not reaped yet, so the numbers are still their own
        log::alert("prototype %d did not end in time and is killed", pid);
        kill(pid, SIGKILL);
    }
}

} // namespace patchbay::main_
