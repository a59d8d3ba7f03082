// [control] See worker_process.hpp. The other end: worker/worker.
#include "router/control/worker_process.hpp"

#include "base/log.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace patchbay::control {
namespace {

using ipc::MessageType;

// A worker that was told to quit, or has closed its channel, has this long to end.
constexpr std::chrono::seconds kEndTime{10};
constexpr int kFramesPerTurn = 64; // a worker that floods us must not hold the loop

} // namespace

WorkerProcess::WorkerProcess(ControlLoop &loop, WorkerViewPtr view, std::uint64_t serial,
                             ipc::Channel channel, Events events)
    : loop_(loop), view_(std::move(view)), serial_(serial), channel_(std::move(channel)),
      events_(std::move(events))
{
    loop_.watch(channel_.fd(), [this] { readable(); });
}

WorkerProcess::~WorkerProcess()
{
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

void WorkerProcess::attach(int appSegment, std::uint32_t threads)
{
    ipc::WireWriter payload;
    payload.u32(view_->number).u32(view_->firstSeat).u32(threads);
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
        loop_.watch(pidfd_.get(), [this] {
            readable(); // what it said last
            die();
        });
    }
}

void WorkerProcess::exited()
{
    readable();
    die();
}

void WorkerProcess::orphaned()
{
    orphaned_ = true;
    if (!channel_.isOpen()) {
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
        if (state_ == State::starting) {
            state_ = State::running;
            wasReady_ = true;
            events_.ready();
        }
        return;
    case MessageType::workerFailed:
        error_ = ipc::WireReader(frame.payload).str();
        return; // its end follows
    default:
        log::alert("message %u of worker %d is unknown", static_cast<unsigned>(frame.type), pid_);
        closeChannel(); // it is not one of ours any more
        channelEnded();
    }
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
    if (channel_.isOpen() && events_.busy()) {
        expectEnd(kEndTime); // a long answer; it has been told
        return;
    }
    kill();
    if (!pidfd_) {
        die();
    }
}

void WorkerProcess::quit()
{
    if (state_ == State::starting || state_ == State::running) {
        state_ = State::leaving;
        send(MessageType::quit, ipc::WireWriter().u32(1).u32(0).bytes());
        expectEnd(kEndTime);
    }
}

void WorkerProcess::kill()
{
    if (pidfd_) {
        // Not permitted for another user's process: it goes when its channel ends.
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
    loop_.cancel(endTimer_);
    closeChannel();
    if (pidfd_) {
        loop_.unwatch(pidfd_.get());
        pidfd_.reset();
    }
    events_.dead(before);
}

} // namespace patchbay::control
