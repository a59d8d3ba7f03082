// Children of main and of the prototype, right after fork.
#include "worker/process_setup.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace patchbay::worker {
namespace {

constexpr int kIgnored[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGQUIT};

void doNothing(int) {}

bool waitWritable(int fd, std::chrono::milliseconds patience) noexcept
{
    pollfd entry{fd, POLLOUT, 0};
    int ready = poll(&entry, 1, static_cast<int>(patience.count()));
    return ready > 0 || (ready < 0 && errno == EINTR);
}

} // namespace

void closeOtherDescriptors(std::span<const int> keep) noexcept
{
    std::array<int, 16> sorted{};
    std::size_t count = std::min(keep.size(), sorted.size());
    std::copy_n(keep.begin(), count, sorted.begin());
    std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count));
    unsigned next = STDERR_FILENO + 1;
    for (std::size_t i = 0; i < count; i++) {
        if (sorted[i] < static_cast<int>(next)) {
            continue;
        }
        auto kept = static_cast<unsigned>(sorted[i]);
        if (kept > next) {
            close_range(next, kept - 1, 0);
        }
        next = kept + 1;
    }
    close_range(next, ~0U, 0);
}

void handleSignal(int number, void (*handler)(int)) noexcept
{
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigaction(number, &action, nullptr); // fails for KILL, STOP and libc's own: meant so
}

void (*signalHandler(int number) noexcept)(int)
{
    struct sigaction action {};
    sigaction(number, nullptr, &action);
    return action.sa_handler;
}

void resetSignals() noexcept
{
    for (int number = 1; number < NSIG; number++) {
        handleSignal(number, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

void ignoreSignals(bool quitToo) noexcept
{
    for (int number : kIgnored) {
        if (number != SIGQUIT || quitToo) {
            handleSignal(number, doNothing);
        }
    }
}

void restoreSignals() noexcept
{
    for (int number : kIgnored) {
        if (signalHandler(number) == &doNothing) {
            handleSignal(number, SIG_DFL);
        }
    }
}

BlockedSignals::BlockedSignals() noexcept : before_()
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
}

BlockedSignals::~BlockedSignals()
{
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void detachInput() noexcept
{
    UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (null) {
        dup2(null.get(), STDIN_FILENO);
    }
}

bool sendPatiently(ipc::Channel &channel, ipc::MessageType type, std::string_view payload,
                   std::span<const int> fds, std::chrono::milliseconds patience) noexcept
{
    auto deadline = std::chrono::steady_clock::now() + patience;
    try {
        for (;;) {
            ipc::Channel::Status status = channel.send(type, payload, fds);
            if (status != ipc::Channel::Status::wouldBlock) {
                return status == ipc::Channel::Status::ok;
            }
            auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                deadline - std::chrono::steady_clock::now());
            if (left.count() <= 0 || !waitWritable(channel.fd(), left)) {
                return false;
            }
        }
    } catch (const std::exception &) {
        return false;
    }
}

} // namespace patchbay::worker
