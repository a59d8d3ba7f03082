#include "router/engine/engine.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <poll.h>

namespace patchbay::engine {

namespace {
constexpr int kEventsPerTurn = 256;
}

Engine::Engine() : epoll_(epoll_create1(EPOLL_CLOEXEC)), now_(Clock::now()), timers_(now_)
{
    if (!epoll_) {
        throw SystemError("epoll_create1()");
    }
    updateClock();
    if (!add(mailbox_.fd(), EPOLLIN, mailboxHandler_)) {
        throw SystemError("epoll_ctl()");
    }
}

bool Engine::add(int fd, std::uint32_t events, EventHandler &handler) noexcept
{
    epoll_event event{};
    event.events = events;
    event.data.ptr = &handler;
    return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Engine::remove(int fd) noexcept
{
    epoll_event unused{}; // kernels before 2.6.9 want one; costs nothing
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &unused);
}

void Engine::run(TurnHook &hook)
{
    std::array<epoll_event, kEventsPerTurn> events;
    while (!quitting_) {
        const int count = wait(hook, events.data());
        updateClock();
        if (count < 0 && errno != EINTR) {
            log::alert("epoll_wait() failed (%d)", errno);
        }
        for (int i = 0; i < count; i++) {
            const epoll_event &event = events[static_cast<std::size_t>(i)];
            static_cast<EventHandler *>(event.data.ptr)->onEvents(event.events);
        }
        // Only now: a task may close listeners or forget an application, and the events above may
        // have named those.
        if (mailboxHandler_.hasMail) {
            mailboxHandler_.hasMail = false;
            mailbox_.drain();
        }
        timers_.advance(now_);
        hook.endOfTurn();
    }
    quitting_ = false;
}

int Engine::wait(TurnHook &hook, epoll_event *events) noexcept
{
    constexpr unsigned kLooksPerPoll = 64; // a poll costs as much
    const bool expects = hook.expectsSoon();
    if (expects) {
        unsigned looks = 0;
        spin_.look(
            [&] { return hook.hasArrived() || (++looks % kLooksPerPoll == 0 && hasEvents()); });
    }
    const bool maySleep = hook.prepareSleep();
    if (maySleep && expects) {
        spin_.beginSleep();
    }
    const int count =
        epoll_wait(epoll_.get(), events, kEventsPerTurn, maySleep ? waitTimeout() : 0);
    spin_.endSleep();
    hook.endSleep();
    return count;
}

// Without taking them.
bool Engine::hasEvents() const noexcept
{
    pollfd item{epoll_.get(), POLLIN, 0};
    return poll(&item, 1, 0) > 0;
}

void Engine::updateClock() noexcept
{
    now_ = Clock::now();
    wallClock_ = std::time(nullptr); // both are answered without entering the kernel
}

int Engine::waitTimeout() const noexcept
{
    const std::optional<TimePoint> next = timers_.next();
    if (!next) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

} // namespace patchbay::engine
