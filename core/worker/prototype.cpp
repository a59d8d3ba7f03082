// Process "prototype", its only thread. Before: main has forked it (main/supervisor) on the
// router's wish. After: its children run worker.cpp.
#include "worker/prototype.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/process_title.hpp"
#include "module/host.hpp"
#include "module/instance.hpp"
#include "module/loader.hpp"
#include "worker/application_start.hpp"
#include "worker/credentials.hpp"
#include "worker/isolation.hpp"
#include "worker/output_files.hpp"
#include "worker/process_setup.hpp"
#include "worker/router_frames.hpp"
#include "worker/worker.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>

namespace patchbay::worker {
namespace {

using ipc::Frame;
using ipc::MessageType;

// Workers that were told to quit get this long; longer only by a deadline in the message.
constexpr std::chrono::seconds kQuitTime{10};
// Workers whose router is gone end by themselves within RouterWatch::kOrphanTime.
constexpr std::chrono::seconds kOrphanTime{2};
constexpr std::uint32_t kExitedWithOne = 1U << 8; // as of waitpid()

class Prototype {
public:
    explicit Prototype(PrototypeOptions options) : options_(std::move(options)) {}
    int run();

private:
    using Clock = std::chrono::steady_clock;

    void takeStandardError();
    void setUp();
    Credentials credentials() const;
    void enterDirectory() const;
    void isolate();
    void watchChildren();
    void loadModule();
    void loadRuntime();

    void serve();
    void turn();
    bool readChannel();
    void handle(Frame &frame);
    void startWorker(std::uint32_t number, UniqueFd channel);
    [[noreturn]] void beWorker(ipc::Channel channel);
    void reap();
    void endBy(Clock::duration time);
    void killWorkers() noexcept;
    int pollTimeout() const;

    PrototypeOptions options_;
    bool ownStandardError_ = false; // descriptor 2 is a pipe for this application alone
    ApplicationStart start_;
    std::shared_ptr<const modules::LoadedModule> module_;
    std::unique_ptr<modules::RuntimeInstance> runtime_;
    UniqueFd childEvents_;                   // signalfd of SIGCHLD
    std::map<pid_t, std::uint32_t> workers_; // pid: number
    bool ending_ = false;
    std::optional<Clock::time_point> killAt_; // what is left of the workers then
};

// Before anything is said. The router reads the pipe; a file named in the options comes on top.
void Prototype::takeStandardError()
{
    if (options_.standardError) {
        dup2(options_.standardError.get(), STDERR_FILENO);
        options_.standardError.reset();
        ownStandardError_ = true;
        log::setFormat(log::Format::text); // the router makes of it what the log wants
    }
}

// Throws Error: why this application cannot start.
void Prototype::setUp()
{
    std::string blob = ipc::readTextFd(options_.start.get(), kMaxStartBlob);
    options_.start.reset();
    start_ = parseApplicationStart(blob);
    setProcessTitle(std::string(product().program) + ": \"" + start_.name + "\" prototype");

    detachInput();
    isolate();
    watchChildren();
    enterDirectory();
    for (const auto &[name, value] : start_.environment) {
        setenv(name.c_str(), value.c_str(), 1);
    }
    openOutput(start_);
    loadRuntime();
}

// Who calls may stay behind as the keeper of the one that returns.
void Prototype::isolate()
{
    Isolator isolator(start_.isolation, start_.name, credentials(), start_.module);
    if (ownStandardError_) {
        // So that the user can open /dev/stderr. Without the right to, it is its own already.
        [[maybe_unused]] int result = fchown(STDERR_FILENO, isolator.hostUid(), isolator.hostGid());
    }
    if (!start_.isolation.rootfs.empty()) {
        loadModule(); // a file of the server, out of reach in there; its code runs later
    }
    isolator.enter();
    isolator.becomeUser();
}

void Prototype::watchChildren()
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &child, nullptr);
    childEvents_.reset(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!childEvents_) {
        throw SystemError("signalfd()");
    }
}

// Looked up where the daemon lives, whatever the application will see of it.
Credentials Prototype::credentials() const
{
    bool ownGroup = !start_.group.empty() || !start_.user.empty();
    const std::string &user = start_.user.empty() ? options_.user : start_.user;
    const std::string &group = ownGroup ? start_.group : options_.group;
    if (!user.empty()) {
        return resolveCredentials(user, group);
    }
    if (!group.empty() && groupId(group) != getegid()) {
        throw Error("The group \"" + group +
                    "\" cannot be taken on: the daemon was not started by root.");
    }
    Credentials same; // as we are
    same.uid = geteuid();
    same.gid = getegid();
    return same;
}

void Prototype::enterDirectory() const
{
    if (!start_.workingDirectory.empty() && chdir(start_.workingDirectory.c_str()) != 0) {
        throw Error("The working directory \"" + start_.workingDirectory +
                    "\" cannot be entered: " + errnoText(errno) + ".");
    }
}

void Prototype::loadModule()
{
    module_ = modules::LoadedModule::load(start_.module, modules::LoadAs::runtime);
    if (module_->descriptor().kind != PB_KIND_RUNTIME) {
        throw Error(start_.module + ": not a runtime module");
    }
}

void Prototype::loadRuntime()
{
    if (!module_) {
        loadModule();
    }
    runtime_ = std::make_unique<modules::RuntimeInstance>(module_, modules::host(), start_.options);
}

int Prototype::run()
{
    ignoreSignals(true);
    takeStandardError();
    try {
        setUp();
    } catch (const std::exception &error) {
        std::string_view text(error.what());
        sendPatiently(options_.router, MessageType::prototypeFailed,
                      ipc::WireWriter().str(text.substr(0, 32 * 1024)).bytes());
        return 1;
    }
    if (sendPatiently(options_.router, MessageType::prototypeReady, {})) {
        serve();
    }
    return 0;
}

void Prototype::serve()
{
    while (!ending_ || !workers_.empty()) {
        turn();
    }
}

int Prototype::pollTimeout() const
{
    if (!killAt_) {
        return -1;
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(*killAt_ - Clock::now());
    return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

void Prototype::turn()
{
    pollfd entries[2] = {{childEvents_.get(), POLLIN, 0}, {options_.router.fd(), POLLIN, 0}};
    if (poll(entries, options_.router.isOpen() ? 2 : 1, pollTimeout()) < 0 && errno != EINTR) {
        throw SystemError("poll()");
    }
    if (killAt_ && Clock::now() >= *killAt_) {
        killWorkers();
    }
    // Workers first: a start that follows may re-use the number of one that has ended.
    signalfd_siginfo info[8];
    while (read(childEvents_.get(), info, sizeof info) > 0) {
    }
    reap();
    if (options_.router.isOpen() && entries[1].revents != 0 && !readChannel()) {
        options_.router.close();
        endBy(kOrphanTime);
    }
}

void Prototype::endBy(Clock::duration time)
{
    ending_ = true;
    Clock::time_point when = Clock::now() + time;
    if (!killAt_ || when < *killAt_) {
        killAt_ = when;
    }
}

void Prototype::killWorkers() noexcept
{
    for (const auto &[pid, number] : workers_) {
        log::alert("worker %d of \"%s\" did not end in time and is killed", pid,
                   start_.name.c_str());
        kill(pid, SIGKILL);
    }
    killAt_.reset();
}

// false: the router is gone.
bool Prototype::readChannel()
{
    return readRouterFrames(options_.router, [this](ipc::Frame &frame) { handle(frame); });
}

void Prototype::handle(Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    switch (frame.type) {
    case MessageType::startWorker: {
        std::uint32_t number = reader.u32();
        if (frame.fds.size() != 1) {
            throw Error("a worker's start without its channel");
        }
        startWorker(number, std::move(frame.fds[0]));
        return;
    }
    case MessageType::reopenLog:
        reopenOutput(start_);
        return;
    case MessageType::quit: {
        bool graceful = reader.u32() != 0;
        std::chrono::milliseconds deadline(reader.u32());
        endBy(graceful && deadline.count() == 0 ? Clock::duration(kQuitTime) : deadline);
        return;
    }
    default:
        throw Error("unknown type " + std::to_string(static_cast<unsigned>(frame.type)));
    }
}

void Prototype::startWorker(std::uint32_t number, UniqueFd channel)
{
    std::fflush(nullptr); // what lies in stdio's buffers must not come out twice
    pid_t pid = ending_ ? -1 : fork();
    if (pid == 0) {
        beWorker(ipc::Channel(std::move(channel)));
    }
    ipc::WireWriter message;
    if (pid < 0) {
        if (!ending_) {
            log::alert("fork() of a worker of \"%s\" failed (%d: %s)", start_.name.c_str(), errno,
                       errnoText(errno).c_str());
        }
        sendPatiently(options_.router, MessageType::workerExited,
                      message.u32(number).u32(0).u32(kExitedWithOne).bytes());
        return;
    }
    workers_.emplace(pid, number);
    message.u32(number).u32(static_cast<std::uint32_t>(pid));
    // Not reaped yet, so the number is still this process's.
    UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    int fd = pidfd.get();
    sendPatiently(options_.router, MessageType::workerForked, message.bytes(),
                  pidfd ? std::span<const int>(&fd, 1) : std::span<const int>());
}

// In the child. What the runtime has opened stays open; of ours only the worker's channel does.
void Prototype::beWorker(ipc::Channel channel)
{
    options_.router.close();
    childEvents_.reset();
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
    int status = runWorker({std::move(channel), std::move(runtime_), &start_});
    std::fflush(nullptr);
    _exit(status);
}

void Prototype::reap()
{
    int status = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        auto worker = workers_.extract(pid);
        if (!worker.empty() && options_.router.isOpen()) {
            ipc::WireWriter message;
            message.u32(worker.mapped()).u32(static_cast<std::uint32_t>(pid));
            sendPatiently(options_.router, MessageType::workerExited,
                          message.u32(static_cast<std::uint32_t>(status)).bytes());
        }
    }
}

} // namespace

int runPrototype(PrototypeOptions options) noexcept
{
    try {
        return Prototype(std::move(options)).run();
    } catch (const std::exception &error) {
        log::alert("a prototype failed: %s", error.what());
        return 1;
    }
}

} // namespace patchbay::worker
