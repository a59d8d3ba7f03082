// [control] See application_output.hpp. The other end: descriptor 2 of prototypes and workers.
#include "router/control/application_output.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/log_output.hpp"
#include "base/utf8.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace patchbay::control {
namespace {

constexpr std::size_t kAtOnce = 64 * 1024; // what a pipe holds
constexpr std::size_t kMaxLine = 8 * 1024; // a longer one goes on in parts
constexpr std::chrono::milliseconds kSilence{1000};
constexpr std::chrono::milliseconds kPause{20};

// Not the first byte of a character.
bool isInside(char byte) noexcept
{
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
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
    return withoutBadUtf8(std::string(rest));
}

ApplicationOutput::ApplicationOutput(ControlLoop &loop, std::string application)
    : loop_(loop), application_(std::move(application))
{
}

int ApplicationOutput::writeEnd()
{
    if (!writeEnd_) {
        open();
    }
    return writeEnd_.get();
}

void ApplicationOutput::open()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw SystemError("pipe2()");
    }
    UniqueFd readEnd(ends[0]), writeEnd(ends[1]);
    // Ours alone: writers wait while the pipe is full.
    if (::fcntl(readEnd.get(), F_SETFL, O_NONBLOCK) != 0) {
        throw SystemError("fcntl()");
    }
    // An application of another user may open "/dev/stderr" all the same.
    ::fchmod(writeEnd.get(), 0622);
    loop_.watch(readEnd.get(), [this] { readable(); });
    readEnd_ = std::move(readEnd);
    writeEnd_ = std::move(writeEnd);
}

ApplicationOutput::~ApplicationOutput()
{
    loop_.cancel(silence_);
    loop_.cancel(pause_);
    if (readEnd_) {
        loop_.unwatch(readEnd_.get());
    }
    try {
        drain();
    } catch (const std::exception &error) {
        log::write(log::Level::alert, error.what());
    }
}

// The applications wait while the log is behind, as they would if they wrote to it themselves.
void ApplicationOutput::readable()
{
    if (log::keepsUp()) {
        read();
        return;
    }
    loop_.unwatch(readEnd_.get());
    pause_ = loop_.after(kPause, [this] {
        pause_ = 0;
        loop_.watch(readEnd_.get(), [this] { readable(); });
    });
}

void ApplicationOutput::drain()
{
    if (readEnd_ && read() < kAtOnce) {
        endLine();
    }
}

// How many bytes that were.
std::size_t ApplicationOutput::read()
{
    std::array<char, kAtOnce> buffer;
    ssize_t got = ::read(readEnd_.get(), buffer.data(), buffer.size());
    if (got <= 0) {
        return 0;
    }
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    tail_.append(bytes);
    toLog(bytes);
    return bytes.size();
}

// Whole lines, so that what others say does not end up in the middle of one.
void ApplicationOutput::toLog(std::string_view bytes)
{
    line_ += bytes;
    std::size_t whole = line_.rfind('\n') + 1; // npos + 1 is 0
    if (line_.size() - whole > kMaxLine) {
        whole = line_.size() - 1; // its end will come
        for (int i = 0; i < 3 && isInside(line_[whole]); i++) {
            whole--;
        }
    }
    log::application(application_, std::string_view(line_).substr(0, whole));
    line_.erase(0, whole);
    loop_.cancel(silence_);
    if (!line_.empty()) {
        silence_ = loop_.after(kSilence, [this] {
            silence_ = 0;
            endLine();
        });
    }
}

// Whoever has begun it is silent or gone.
void ApplicationOutput::endLine()
{
    if (!line_.empty()) {
        toLog("\n");
    }
}

} // namespace patchbay::control
