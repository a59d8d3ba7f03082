// [control] See application_output.hpp. The other end: descriptor 2 of prototypes and workers.
#include "router/control/application_output.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "json/location.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace patchbay::control {
namespace {

constexpr std::size_t kAtOnce = 64 * 1024; // what a pipe holds

// A full disk or a closed descriptor must not stop us: the rest is lost, as a line of the log is.
void writeToLog(std::string_view bytes) noexcept
{
    while (!bytes.empty()) {
        ssize_t written = ::write(STDERR_FILENO, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

// The last `count` lines; a line break at the very end begins no line.
std::string_view lastLines(std::string_view text, std::size_t count)
{
    std::size_t begin = text.ends_with('\n') ? text.size() - 1 : text.size();
    for (; count > 0; count--) {
        begin = begin == 0 ? std::string_view::npos : text.rfind('\n', begin - 1);
        if (begin == std::string_view::npos) {
            return text;
        }
    }
    return text.substr(begin + 1);
}

} // namespace

void OutputTail::append(std::string_view bytes)
{
    if (bytes.size() > kBytes) {
        bytes.remove_prefix(bytes.size() - kBytes);
        cut_ = true;
    }
    if (std::size_t all = bytes_.size() + bytes.size(); all > kBytes) {
        bytes_.erase(0, all - kBytes);
        cut_ = true;
    }
    bytes_ += bytes;
}

std::string OutputTail::text() const
{
    std::string_view rest = bytes_;
    std::size_t firstBreak = rest.find('\n');
    if (cut_ && firstBreak < rest.size() - 1) {
        rest.remove_prefix(firstBreak + 1); // the beginning of that line is gone
    }
    rest = lastLines(rest, kLines);
    std::string text;
    while (!rest.empty()) {
        std::size_t length = json::utf8Length(rest);
        text += length == 0 ? std::string_view("?") : rest.substr(0, length);
        rest.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return text;
}

ApplicationOutput::ApplicationOutput(ControlLoop &loop) : loop_(loop)
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw SystemError("pipe2()");
    }
    readEnd_.reset(ends[0]);
    writeEnd_.reset(ends[1]);
    // Ours alone: writers wait while the pipe is full.
    if (::fcntl(readEnd_.get(), F_SETFL, O_NONBLOCK) != 0) {
        throw SystemError("fcntl()");
    }
    // An application of another user may open "/dev/stderr" all the same.
    ::fchmod(writeEnd_.get(), 0622);
    loop_.watch(readEnd_.get(), [this] { drain(); });
}

ApplicationOutput::~ApplicationOutput()
{
    loop_.unwatch(readEnd_.get());
    try {
        drain();
    } catch (const std::exception &error) {
        log::write(log::Level::alert, error.what());
    }
}

void ApplicationOutput::drain()
{
    std::array<char, kAtOnce> buffer;
    ssize_t got = ::read(readEnd_.get(), buffer.data(), buffer.size());
    if (got > 0) {
        std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
        writeToLog(bytes);
        tail_.append(bytes);
    }
}

} // namespace patchbay::control
