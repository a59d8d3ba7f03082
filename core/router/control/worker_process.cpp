// [control] See worker_process.hpp. The other end: worker/worker.
#include "router/control/worker_process.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "ipc/protocol.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace patchbay::control {
namespace {

using ipc::MessageType;

// A worker that was told to quit, or has closed its channel, has this long to end.
constexpr std::chrono::seconds kEndTime{10};
// How long to wait for its prototype to say how a worker ended that was not ready yet.
constexpr std::chrono::seconds kStatusTime{1};
constexpr int kFramesPerTurn = 64; // a worker that floods us must not hold the loop

} // namespace

std::string startLimitText(std::chrono::milliseconds limit)
{
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
    return "did not become ready within " + std::to_string(seconds.count()) + " s";
}

WorkerProcess::WorkerProcess(ControlLoop &loop, WorkerViewPtr view, std::uint64_t serial,
                             ipc::Channel channel, std::chrono::milliseconds startLimit,
                             Events events)
    : loop_(loop), view_(std::move(view)), serial_(serial), channel_(std::move(channel)),
      events_(std::move(events)), startLimit_(startLimit)
{
    loop_.watch(channel_.fd(), [this] { readable(); });
    startTimer_ = loop_.after(startLimit_, [this] {
        startTimer_ = 0;
        startOverdue();
    });
}

WorkerProcess::~WorkerProcess()
{
    loop_.cancel(startTimer_);
    loop_.cancel(endTimer_);
    closeChannel();
    if (pidfd_) {
        loop_.unwatch(pidfd_.get());
    }
}

void WorkerProcess::send(MessageType type, const std::string &payload, std::span<const int> fds)
{
    if (!channel_.isOpen()) {
        return;
    }
    if (channel_.send(type, payload, fds) == ipc::Channel::Status::wouldBlock) {
        log::alert("worker %d does not read its messages", pid_);
        kill();
    }
}

void WorkerProcess::attach(int appSegment, std::uint32_t threads, std::uint32_t requestLimit)
{
    limited_ = requestLimit != 0;
    ipc::WireWriter payload;
    payload.u32(view_->number).u32(view_->firstSeat).u32(threads).u32(requestLimit);
    std::array<int, 2> fds{appSegment, view_->segment.segment().fd()};
    send(MessageType::attach, payload.bytes(), fds);
}

void WorkerProcess::engineDoorbell(std::uint32_t engine, int doorbell)
{
    send(MessageType::engineDoorbell, ipc::WireWriter().u32(engine).bytes(), {&doorbell, 1});
}

void WorkerProcess::forked(pid_t pid, UniqueFd pidfd)
{
    if (pid_ != 0 || state_ == State::dead) {
        return;
    }
    pid_ = pid;
    pidfd_ = std::move(pidfd);
    if (pidfd_) {
        loop_.watch(pidfd_.get(), [this] { processEnded(); });
    }
}

// Its pidfd says so, at once. Why a start failed only its prototype can tell, a moment later.
void WorkerProcess::processEnded()
{
    readable(); // what it said last
    if (state_ != State::starting || !error_.empty() || orphaned_) {
        die();
        return;
    }
    ended_ = true;
    loop_.unwatch(pidfd_.get());
    expectEnd(kStatusTime);
}

void WorkerProcess::exited(pid_t pid, int status)
{
    readable();
    if (state_ == State::starting && error_.empty()) {
        error_ = pid != 0 ? "its process " + endText(status) + " before it was ready"
                          : "its process cannot be forked";
    }
    die();
}

void WorkerProcess::orphaned()
{
    orphaned_ = true;
    if (ended_) {
        die();
    } else if (!channel_.isOpen()) {
        channelEnded();
    }
}

void WorkerProcess::readable()
{
    for (int i = 0; i < kFramesPerTurn && channel_.isOpen(); i++) {
        ipc::Frame frame;
        switch (channel_.receive(frame)) {
        case ipc::Channel::Status::wouldBlock:
            return;
        case ipc::Channel::Status::closed:
            closeChannel();
            channelEnded();
            return;
        case ipc::Channel::Status::ok:
            handle(frame);
        }
    }
}

void WorkerProcess::handle(const ipc::Frame &frame)
{
    switch (frame.type) {
    case MessageType::workerReady:
        if (state_ == State::starting && !meetProgram(frame.payload)) {
            kill();
        } else if (state_ == State::starting) {
            state_ = State::running;
            loop_.cancel(startTimer_);
            events_.ready();
        }
        return;
    case MessageType::workerSpent:
        if (!limited_) {
            break;
        }
        if (state_ == State::starting || state_ == State::running) {
            state_ = State::leaving;
            loop_.cancel(startTimer_);
            expectEnd(kEndTime);
            events_.spent();
        }
        return;
    case MessageType::workerFailed:
        error_ = ipc::WireReader(frame.payload).str();
        return; // its end follows
    default:
        break;
    }
    log::alert("message %u of worker %d is unknown", static_cast<unsigned>(frame.type), pid_);
    closeChannel(); // it is not one of ours any more
    channelEnded();
}

// What a worker that is a program of its own, or serves many requests at a time, says of itself.
bool WorkerProcess::meetProgram(const std::string &payload)
{
    if (payload.empty()) {
        return true;
    }
    ipc::WireReader reader(payload);
    const std::uint32_t major = reader.u32();
    const std::uint32_t minor = reader.u32();
    servesMany_ = reader.u32() != 0;
    const std::string library(reader.str());
    if (major != ipc::kProtocolMajor || minor > ipc::kProtocolMinor) {
        error_ = "its library, " + library + ", speaks version " + std::to_string(major) + "." +
                 std::to_string(minor) + " of the application protocol, this server " +
                 std::to_string(ipc::kProtocolMajor) + "." + std::to_string(ipc::kProtocolMinor) +
                 ": build the program with the package of this server";
        return false;
    }
    if (!library.empty()) {
        log::info("app process %d uses %s", pid_, library.c_str());
    }
    return true;
}

// The end of the channel is a hint: a process may be there still, for it may have closed it.
void WorkerProcess::channelEnded()
{
    if (state_ == State::dead) {
        return;
    }
    // Without a pidfd and without a prototype nobody will ever tell us more.
    expectEnd(!pidfd_ && orphaned_ ? std::chrono::milliseconds(0) : kEndTime);
}

void WorkerProcess::expectEnd(std::chrono::milliseconds within)
{
    loop_.cancel(endTimer_);
    endTimer_ = loop_.after(within, [this] {
        endTimer_ = 0;
        overdue();
    });
}

void WorkerProcess::overdue()
{
    if (ended_) { // nobody says how
        die();
        return;
    }
    if (channel_.isOpen() && events_.busy()) {
        expectEnd(kEndTime); // a long answer; it has been told
        return;
    }
    kill();
    if (!pidfd_) {
        die();
    }
}

void WorkerProcess::startOverdue()
{
    error_ = startLimitText(startLimit_);
    kill();
}

void WorkerProcess::quit()
{
    if (state_ == State::starting || state_ == State::running) {
        state_ = State::leaving;
        loop_.cancel(startTimer_);
        send(MessageType::quit, ipc::WireWriter().u32(1).u32(0).bytes());
        expectEnd(kEndTime);
    }
}

void WorkerProcess::expel(std::chrono::milliseconds grace)
{
    if (state_ == State::dead || expelled_) {
        return;
    }
    expelled_ = true;
    state_ = State::leaving;
    loop_.cancel(startTimer_);
    loop_.cancel(endTimer_);
    if (grace.count() > 0) {
        auto time = static_cast<std::uint32_t>(grace.count());
        send(MessageType::quit, ipc::WireWriter().u32(1).u32(time).bytes());
    }
    endTimer_ = loop_.after(grace, [this] {
        endTimer_ = 0;
        kill();
    });
}

// The signal is not permitted for another user's process: that one ends itself when it reads the
// message, or that its channel has ended.
void WorkerProcess::kill()
{
    if (channel_.isOpen()) {
        channel_.send(MessageType::quit, ipc::WireWriter().u32(0).u32(0).bytes());
    }
    if (pidfd_) {
        ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
    }
    closeChannel();
    if (!pidfd_ && endTimer_ == 0 && state_ != State::dead) {
        channelEnded();
    }
}

void WorkerProcess::reopenFiles()
{
    send(MessageType::reopenLog, {});
}

void WorkerProcess::closeChannel()
{
    if (channel_.isOpen()) {
        loop_.unwatch(channel_.fd());
        channel_.close();
    }
}

void WorkerProcess::die()
{
    if (state_ == State::dead) {
        return;
    }
    State before = state_;
    state_ = State::dead;
    diedRunning_ = before == State::running;
    loop_.cancel(startTimer_);
    loop_.cancel(endTimer_);
    closeChannel();
    if (pidfd_) {
        loop_.unwatch(pidfd_.get());
        pidfd_.reset();
    }
    events_.dead(before);
}

} // namespace patchbay::control
