// Used by supervisor.cpp; made by daemon.cpp before anything is forked.
#include "main/service_notify.hpp"

#include "base/unique_fd.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace patchbay::main_ {
namespace {

constexpr std::uint64_t kLongestWatchdog = 86'400'000'000; // a day; longer is no watchdog

std::string statusLine(std::string_view text)
{
    std::string line = "STATUS=";
    for (char c : text) {
        line += c == '\n' ? ' ' : c; // a line break would begin another assignment
    }
    return line;
}

std::string monotonicMicroseconds()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::to_string(now.tv_sec * 1'000'000LL + now.tv_nsec / 1000);
}

// The number in a variable, which goes; 0: there is none.
std::uint64_t takeNumber(const char *name)
{
    const char *value = std::getenv(name);
    std::string_view text = value != nullptr ? value : "";
    std::uint64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool whole = error == std::errc() && end == text.data() + text.size();
    unsetenv(name);
    return whole ? number : 0;
}

} // namespace

ServiceNotify::ServiceNotify()
{
    // A daemon that forks itself into the background is not the process that is watched.
    std::uint64_t interval = takeNumber("WATCHDOG_USEC");
    std::uint64_t watched = takeNumber("WATCHDOG_PID");
    bool ours = watched == 0 || watched == static_cast<std::uint64_t>(getpid());
    if (ours && interval > 0 && interval <= kLongestWatchdog) {
        watchdog_ = std::chrono::microseconds(interval);
    }
    const char *address = std::getenv("NOTIFY_SOCKET");
    if (address != nullptr) {
        address_ = address;
        unsetenv("NOTIFY_SOCKET");
    }
}

void ServiceNotify::up(std::string_view status) const
{
    send("READY=1\nMAINPID=" + std::to_string(getpid()) + "\n" + statusLine(status));
}

void ServiceNotify::status(std::string_view status) const
{
    send(statusLine(status));
}

void ServiceNotify::reloading()
{
    reloading_ = true;
    send("RELOADING=1\nMONOTONIC_USEC=" + monotonicMicroseconds());
}

void ServiceNotify::reloaded(std::string_view status)
{
    if (reloading_) {
        reloading_ = false;
        send("READY=1\n" + statusLine(status));
    }
}

void ServiceNotify::stopping() const
{
    send("STOPPING=1");
}

void ServiceNotify::alive() const
{
    send("WATCHDOG=1");
}

void ServiceNotify::send(const std::string &message) const noexcept
{
    sockaddr_un target{};
    bool known = address_.size() > 1 && (address_[0] == '/' || address_[0] == '@');
    if (!known || address_.size() >= sizeof target.sun_path) {
        return;
    }
    target.sun_family = AF_UNIX;
    std::memcpy(target.sun_path, address_.data(), address_.size());
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size() + 1);
    if (address_[0] == '@') {
        target.sun_path[0] = '\0';
        size--; // the whole size is the name
    }
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    // Never waits: a manager that does not listen is not worth it.
    [[maybe_unused]] ssize_t sent =
        sendto(socket.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr *>(&target), size);
}

} // namespace patchbay::main_
