// patchbay-module: see program.hpp. Before: program_rules.cpp has called become() in a fork. After:
// that reads the one message which is sent here.
#include "program.hpp"

#include "base/error.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace patchbay::check {

namespace {

namespace fs = std::filesystem;

// The descriptor in "MAJOR.MINOR;DESCRIPTOR;SERVER", when that server is the check.
std::optional<int> channelOf(std::string_view init)
{
    const auto first = init.find(';');
    const auto second = init.find(';', first == init.npos ? first : first + 1);
    if (second == init.npos || init.substr(second + 1) != kProgramServer) {
        return {};
    }
    int fd = -1;
    const std::string_view number = init.substr(first + 1, second - first - 1);
    std::from_chars(number.data(), number.data() + number.size(), fd);
    return fd;
}

// Descriptors beyond the standard ones and the channel: nobody meant the program to have them.
std::string luggage(int channel)
{
    for (const fs::directory_entry &entry : fs::directory_iterator("/proc/self/fd")) {
        std::error_code ec;
        const std::string number = entry.path().filename();
        const std::string target = fs::read_symlink(entry.path(), ec);
        if (!ec && std::stoi(number) > STDERR_FILENO && number != std::to_string(channel) &&
            !target.ends_with("/fd")) { // the listing's own
            return "a descriptor that was not opened with O_CLOEXEC is open in the program: " +
                   number + " -> " + target;
        }
    }
    return {};
}

std::string signalFault()
{
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, nullptr, &blocked);
    for (int number = 1; number < SIGRTMIN; number++) {
        struct sigaction action {};
        const bool known = sigaction(number, nullptr, &action) == 0;
        if (sigismember(&blocked, number) == 1 || (known && action.sa_handler == SIG_IGN)) {
            return "signal " + std::to_string(number) + " is blocked or ignored in the program";
        }
    }
    return {};
}

} // namespace

std::string programFile()
{
    return fs::read_symlink("/proc/self/exe");
}

std::optional<int> runAsProgram()
{
    const char *init = std::getenv("PATCHBAY_INIT");
    const auto channel = init != nullptr ? channelOf(init) : std::nullopt;
    if (!channel) {
        return {};
    }
    std::string found = luggage(*channel);
    found = found.empty() ? signalFault() : found;
    found = found.empty() ? "ok" : found;
    return ::send(*channel, found.data(), found.size(), MSG_NOSIGNAL) < 0 ? EXIT_FAILURE
                                                                          : EXIT_SUCCESS;
}

} // namespace patchbay::check
