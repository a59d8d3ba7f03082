// [control] See control_loop.hpp.
#include "router/control/control_loop.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

namespace patchbay::control {
namespace {

// Nothing that goes wrong in one task may end the router.
void runGuarded(const ControlLoop::Task &task) noexcept
{
    try {
        task();
    } catch (const std::exception &error) {
        log::write(log::Level::alert, error.what());
    }
}

} // namespace

ControlLoop::ControlLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC))
{
    if (!epoll_) {
        throw SystemError("epoll_create1()");
    }
    watch(mailbox_.fd(), [this] { mailbox_.drain(); });
}

ControlLoop::~ControlLoop()
{
    bool more = true;
    while (more) {
        runGuarded([&] { more = mailbox_.drain() > 0; });
    }
}

void ControlLoop::watch(int fd, Task ready, Interest interest)
{
    std::uint64_t id = ++lastId_;
    epoll_event event{};
    event.events = interest == Interest::read ? EPOLLIN : EPOLLOUT;
    event.data.u64 = id;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        throw SystemError("epoll_ctl()");
    }
    watchers_.emplace(id, std::make_shared<Task>(std::move(ready)));
    byFd_[fd] = id;
}

void ControlLoop::unwatch(int fd) noexcept
{
    auto found = byFd_.find(fd);
    if (found == byFd_.end()) {
        return;
    }
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    watchers_.erase(found->second);
    byFd_.erase(found);
}

ControlLoop::TimerId ControlLoop::after(std::chrono::milliseconds delay, Task task)
{
    TimerId id = ++lastId_;
    Clock::time_point when = Clock::now() + delay;
    timers_.emplace(TimerKey{when, id}, std::move(task));
    timerTimes_.emplace(id, when);
    return id;
}

void ControlLoop::cancel(TimerId &id) noexcept
{
    auto found = timerTimes_.find(id);
    if (found != timerTimes_.end()) {
        timers_.erase({found->second, id});
        timerTimes_.erase(found);
    }
    id = 0;
}

bool ControlLoop::runUntil(const std::function<bool()> &done,
                           std::optional<Clock::time_point> deadline)
{
    while (!done()) {
        if (interrupted_ || (deadline && Clock::now() >= *deadline)) {
            return false;
        }
        turn(deadline);
    }
    return true;
}

void ControlLoop::turn(std::optional<Clock::time_point> deadline)
{
    std::array<epoll_event, 64> events;
    int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), waitTime(deadline));
    if (count < 0 && errno != EINTR) {
        throw SystemError("epoll_wait()");
    }
    for (int i = 0; i < count; i++) {
        auto found = watchers_.find(events[static_cast<std::size_t>(i)].data.u64);
        if (found == watchers_.end()) {
            continue; // unwatched by an earlier event of this turn
        }
        std::shared_ptr<Task> task = found->second; // may unwatch itself
        runGuarded(*task);
    }
    runTimers();
}

void ControlLoop::runTimers()
{
    Clock::time_point now = Clock::now();
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
        auto node = timers_.extract(timers_.begin());
        timerTimes_.erase(node.key().second);
        runGuarded(node.mapped());
    }
}

int ControlLoop::waitTime(std::optional<Clock::time_point> deadline) const
{
    std::optional<Clock::time_point> next = deadline;
    if (!timers_.empty() && (!next || timers_.begin()->first.first < *next)) {
        next = timers_.begin()->first.first;
    }
    if (!next) {
        return -1;
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

} // namespace patchbay::control
