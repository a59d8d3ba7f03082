// [control] See prototype_process.hpp. The other end: worker/prototype.
#include "router/control/prototype_process.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "router/control/worker_process.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include <cstdlib>
#include <fstream>

namespace patchbay::control {
namespace {

using ipc::MessageType;

// The prototype itself kills workers that have not gone after 10 s.
constexpr std::chrono::seconds kQuitTime{12};
// How long to wait for main to say how one ended that was not ready yet.
constexpr std::chrono::seconds kStatusTime{1};

// The process's number in our own pid namespace, by the kernel; `otherwise` if that does not say.
pid_t pidOf(int pidfd, pid_t otherwise)
{
    std::ifstream file("/proc/self/fdinfo/" + std::to_string(pidfd));
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("Pid:")) {
            const pid_t pid = std::atoi(line.c_str() + 4);
            return pid > 0 ? pid : otherwise;
        }
    }
    return otherwise;
}

} // namespace

PrototypeProcess::PrototypeProcess(ControlLoop &loop, std::uint64_t serial,
                                   std::chrono::milliseconds startLimit, Events events)
    : loop_(loop), serial_(serial), events_(std::move(events)), startLimit_(startLimit),
      self_(std::make_shared<PrototypeProcess *>(this))
{
}

PrototypeProcess::~PrototypeProcess()
{
    loop_.cancel(startTimer_);
    loop_.cancel(quitTimer_);
    if (channel_.isOpen()) {
        loop_.unwatch(channel_.fd());
    }
}

void PrototypeProcess::start(MainLink &main, const std::string &name, const std::string &blob,
                             int standardError)
{
    startTimer_ = loop_.after(startLimit_, [this] {
        startTimer_ = 0;
        startOverdue();
    });
    std::weak_ptr<PrototypeProcess *> weak = self_;
    main.startPrototype(name, blob, standardError,
                        [weak](int error, pid_t pid, ipc::Channel channel) {
                            if (auto self = weak.lock()) {
                                (*self)->started(error, pid, std::move(channel));
                            }
                        });
}

void PrototypeProcess::started(int error, pid_t pid, ipc::Channel channel)
{
    if (error != 0) {
        error_ = "fork: " + errnoText(error);
        die();
        return;
    }
    pid_ = pid;
    pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    channel_ = std::move(channel);
    loop_.watch(channel_.fd(), [this] { readable(); });
    if (quitAsked_) {
        quit();
    }
}

void PrototypeProcess::readable()
{
    ipc::Frame frame;
    switch (channel_.receive(frame)) {
    case ipc::Channel::Status::wouldBlock:
        return;
    case ipc::Channel::Status::closed:
        channelEnded();
        return;
    case ipc::Channel::Status::ok:
        handle(frame);
        return;
    }
}

// Why a start failed main says, a moment later.
void PrototypeProcess::channelEnded()
{
    if (state_ != State::starting || !error_.empty()) {
        die();
        return;
    }
    loop_.unwatch(channel_.fd());
    channel_.close();
    quitTimer_ = loop_.after(kStatusTime, [this] {
        quitTimer_ = 0;
        die();
    });
}

void PrototypeProcess::exited(int status)
{
    if (channel_.isOpen()) {
        readable(); // what it said last, if it is not the end already
    }
    if (state_ == State::starting && error_.empty()) {
        error_ = "its prototype " + endText(status) + " before it was ready";
        die();
    }
}

void PrototypeProcess::startOverdue()
{
    error_ = startLimitText(startLimit_);
    if (pidfd_) {
        ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
    }
    die(); // one that may not be killed sees the end of its channel
}

void PrototypeProcess::handle(ipc::Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    switch (frame.type) {
    case MessageType::prototypeReady:
        if (state_ == State::starting) {
            state_ = State::ready;
            loop_.cancel(startTimer_);
            wasReady_ = true;
            events_.ready();
        }
        return;
    case MessageType::prototypeFailed:
        error_ = reader.str();
        return; // its end follows
    case MessageType::workerForked:
        workerForked(frame);
        return;
    case MessageType::workerExited:
        workerExited(frame);
        return;
    default:
        log::alert("message %u of prototype %d is unknown", static_cast<unsigned>(frame.type),
                   pid_);
    }
}

// In a pid namespace of its own it counts differently; a pidfd is the same process everywhere.
void PrototypeProcess::workerForked(ipc::Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    std::uint32_t worker = reader.u32();
    auto pid = static_cast<pid_t>(reader.u32());
    UniqueFd pidfd = frame.fds.empty() ? UniqueFd() : std::move(frame.fds.front());
    pid_t ours = pidOf(pidfd.get(), pid);
    workers_[pid] = ours;
    events_.workerForked(worker, ours, std::move(pidfd));
}

void PrototypeProcess::workerExited(const ipc::Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    std::uint32_t worker = reader.u32();
    auto pid = static_cast<pid_t>(reader.u32());
    auto status = static_cast<int>(reader.u32());
    auto known = workers_.extract(pid);
    events_.workerExited(worker, known.empty() ? pid : known.mapped(), status);
}

bool PrototypeProcess::startWorker(std::uint32_t number, const ipc::Channel &workersEnd)
{
    int fd = workersEnd.fd();
    return channel_.send(MessageType::startWorker, ipc::WireWriter().u32(number).bytes(),
                         {&fd, 1}) == ipc::Channel::Status::ok;
}

void PrototypeProcess::quit()
{
    quitAsked_ = true;
    if (state_ == State::dead || state_ == State::quitting || !channel_.isOpen()) {
        return; // not forked yet: started() comes back here
    }
    state_ = State::quitting;
    loop_.cancel(startTimer_);
    channel_.send(MessageType::quit, ipc::WireWriter().u32(1).u32(0).bytes());
    quitTimer_ = loop_.after(kQuitTime, [this] {
        quitTimer_ = 0;
        log::alert("prototype %d did not quit", pid_);
        die(); // it sees the end of its channel
    });
}

void PrototypeProcess::reopenFiles()
{
    if (channel_.isOpen() && state_ != State::dead) {
        channel_.send(MessageType::reopenLog, {});
    }
}

void PrototypeProcess::die()
{
    if (state_ == State::dead) {
        return;
    }
    state_ = State::dead;
    loop_.cancel(startTimer_);
    loop_.cancel(quitTimer_);
    if (channel_.isOpen()) {
        loop_.unwatch(channel_.fd());
        channel_.close();
    }
    if (wasReady_) {
        error_.clear();
    } else if (error_.empty()) {
        error_ = "its prototype ended before it was ready";
    }
    events_.dead(error_);
}

} // namespace patchbay::control
