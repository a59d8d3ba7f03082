// [watcher] Beside the request threads of worker.cpp; the other end is router/control.
#include "worker/router_watch.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "worker/process_setup.hpp"
#include "worker/router_frames.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace patchbay::worker {

using ipc::Frame;
using ipc::MessageType;

RouterWatch::RouterWatch(ipc::Channel &router, DoorbellTable &doorbells, Events events)
    : router_(router), doorbells_(doorbells), events_(std::move(events)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (!wake_) {
        throw SystemError("eventfd()");
    }
}

RouterWatch::~RouterWatch()
{
    if (thread_.joinable()) {
        finished_.store(true, std::memory_order_release);
        std::uint64_t one = 1;
        [[maybe_unused]] ssize_t written = write(wake_.get(), &one, sizeof one);
        thread_.join();
    }
}

void RouterWatch::start()
{
    // Signals are the application's; its main thread gets them.
    BlockedSignals blocked;
    thread_ = std::thread([this] { run(); });
}

void RouterWatch::askQuit() noexcept
{
    quitAsked_.store(true, std::memory_order_release);
    std::uint64_t one = 1;
    [[maybe_unused]] ssize_t written = write(wake_.get(), &one, sizeof one);
}

void RouterWatch::closeInChild() noexcept
{
    wake_.reset();
    router_.close();
}

int RouterWatch::pollTimeout() const
{
    if (!exitAt_) {
        return -1;
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(*exitAt_ - Clock::now());
    return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

void RouterWatch::exitAfter(std::chrono::milliseconds time)
{
    Clock::time_point when = Clock::now() + time;
    if (!exitAt_ || when < *exitAt_) {
        exitAt_ = when;
    }
}

void RouterWatch::run()
{
    bool open = true;
    while (!finished_.load(std::memory_order_acquire)) {
        pollfd entries[2] = {{wake_.get(), POLLIN, 0}, {router_.fd(), POLLIN, 0}};
        poll(entries, open ? 2 : 1, pollTimeout());
        if (exitAt_ && Clock::now() >= *exitAt_) {
            _exit(0); // a request or the application's end is stuck; nobody waits for it
        }
        if (entries[0].revents != 0) {
            std::uint64_t count = 0;
            [[maybe_unused]] ssize_t size = read(wake_.get(), &count, sizeof count);
            if (quitAsked_.exchange(false, std::memory_order_acq_rel)) {
                events_.stop();
            }
        }
        if (open && entries[1].revents != 0 && !readChannel()) {
            open = false;
            events_.stop();
            events_.end();
            exitAfter(kOrphanTime);
        }
    }
}

// false: the router is gone.
bool RouterWatch::readChannel()
{
    return readRouterFrames(router_, [this](ipc::Frame &frame) { handle(frame); });
}

void RouterWatch::handle(Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    switch (frame.type) {
    case MessageType::engineDoorbell: {
        std::uint32_t engine = reader.u32();
        if (frame.fds.size() != 1) {
            throw Error("a doorbell without its descriptor");
        }
        doorbells_.set(engine, std::move(frame.fds[0]));
        return;
    }
    case MessageType::quit: {
        bool graceful = reader.u32() != 0;
        quit(graceful, std::chrono::milliseconds(reader.u32()));
        return;
    }
    case MessageType::reopenLog:
        events_.reopenFiles();
        return;
    default:
        throw Error("unknown type " + std::to_string(static_cast<unsigned>(frame.type)));
    }
}

// Graceful without a deadline: the current requests take what they take.
void RouterWatch::quit(bool graceful, std::chrono::milliseconds deadline)
{
    events_.stop();
    if (!graceful) {
        events_.end();
        exitAfter(std::min(deadline, kOrphanTime));
    } else if (deadline.count() > 0) {
        exitAfter(deadline);
    }
}

} // namespace patchbay::worker
