// Between supervisor.cpp and the process that control::runRouter() becomes.
#include "main/router_process.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "main/child.hpp"
#include "router/process/router.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>

namespace patchbay::main_ {
namespace {

constexpr std::chrono::seconds kEarly{1};
constexpr std::chrono::milliseconds kFirstDelay{100};
constexpr std::chrono::milliseconds kLongestDelay{5000};
constexpr rlim_t kFewDescriptors = 1024;

// A descriptor per client: as many as the administrator allows. Applications keep the usual limit.
void raiseDescriptorLimit()
{
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < kFewDescriptors) {
        log::warn("only %llu descriptors are allowed: clients beyond that wait (ulimit -Hn)",
                  static_cast<unsigned long long>(limit.rlim_max));
    }
}

// Main alone acts on them; Ctrl-C reaches the whole process group.
void blockSignals()
{
    sigset_t blocked;
    sigemptyset(&blocked);
    for (int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE}) {
        sigaddset(&blocked, number);
    }
    sigprocmask(SIG_BLOCK, &blocked, nullptr);
}

} // namespace

int RouterProcess::beRouter(ipc::Channel channel) const
{
    raiseDescriptorLimit();
    worker::takeOn(settings_.user);
    blockSignals();
    control::RouterOptions options;
    options.main = std::move(channel);
    options.manifest = settings_.manifest;
    options.tmpDir = settings_.tmpDir;
    options.user = settings_.user.user;
    options.group = settings_.user.group;
    options.asUnit = settings_.asUnit;
    options.control = UniqueFd(settings_.control);
    options.controlAddress = settings_.controlAddress;
    options.controlUsers = settings_.controlUsers;
    options.configFile = settings_.configFile;
    options.stateDir = settings_.stateDir;
    return control::runRouter(std::move(options));
}

bool RouterProcess::start()
{
    restartAt_.reset();
    startedAt_ = Clock::now();
    try {
        auto [ours, theirs] = ipc::Channel::makePair();
        int kept[2] = {theirs.fd(), settings_.control};
        pid_t pid = forkChild(
            "router", kept, [this, fd = kept[0]] { return beRouter(ipc::Channel(UniqueFd(fd))); });
        if (pid < 0) {
            throw SystemError("fork()");
        }
        pid_ = pid;
        channel_ = std::move(ours);
        return true;
    } catch (const Error &error) {
        log::alert("the router cannot be started: %s", error.what());
        scheduleRestart(true);
        return false;
    }
}

void RouterProcess::scheduleRestart(bool diedEarly)
{
    earlyDeaths_ = diedEarly ? earlyDeaths_ + 1 : 0;
    Clock::duration delay{};
    if (earlyDeaths_ > 1) {
        unsigned doublings = std::min(earlyDeaths_ - 2, 16U);
        delay = std::min(kFirstDelay * (1 << doublings), kLongestDelay);
    }
    restartAt_ = Clock::now() + delay;
}

void RouterProcess::ended()
{
    pid_ = 0;
    closeChannel();
    scheduleRestart(Clock::now() - startedAt_ < kEarly);
}

void RouterProcess::closeChannel() noexcept
{
    channel_.close();
    queue_.clear();
}

void RouterProcess::kill() const noexcept
{
    if (alive()) { // not reaped yet, so the number is still its own
        ::kill(pid_, SIGKILL);
    }
}

void RouterProcess::send(ipc::MessageType type, std::string_view payload, std::span<const int> fds)
{
    if (!channel_.isOpen()) {
        return;
    }
    if (queue_.empty() && channel_.send(type, payload, fds) != ipc::Channel::Status::wouldBlock) {
        return; // its end, if it is gone, is seen by receive()
    }
    Waiting waiting{type, std::string(payload), {}};
    for (int fd : fds) {
        waiting.fds.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, 3));
    }
    queue_.push_back(std::move(waiting));
}

void RouterProcess::flush()
{
    while (!queue_.empty()) {
        const Waiting &next = queue_.front();
        std::vector<int> fds;
        for (const UniqueFd &fd : next.fds) {
            fds.push_back(fd.get());
        }
        if (channel_.send(next.type, next.payload, fds) == ipc::Channel::Status::wouldBlock) {
            return;
        }
        queue_.pop_front();
    }
}

} // namespace patchbay::main_
