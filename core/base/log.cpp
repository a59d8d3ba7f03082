// [any] The event log. Every process; see log.hpp.
#include "base/log.hpp"

#include "base/log_line.hpp"
#include "base/log_output.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <ctime>

namespace patchbay::log {
namespace {

constexpr std::size_t kMaxMessage = 8192;
constexpr std::size_t kMaxLine = kMaxMessage + 512;

std::atomic<Level> currentLevel{Level::info};
std::atomic<Format> currentFormat{Format::text};

// One line; how many bytes of the message are in it.
std::size_t emitLine(const Destination &where, const LineFacts &facts,
                     std::string_view message) noexcept
{
    std::array<char, kMaxLine> room;
    std::size_t size = where.pipe ? std::size_t{PIPE_BUF} : room.size();
    std::timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    LineStyle style{format(), where.journal};
    ComposedLine line = composeLine({room.data(), size}, style, facts, now, message);
    emit({room.data(), line.size});
    return line.used;
}

void writeFormatted(Level level, const char *format, std::va_list args) noexcept
{
    if (level > currentLevel.load(std::memory_order_relaxed)) {
        return;
    }
    char text[kMaxMessage + 1];
    int n = std::vsnprintf(text, sizeof text, format, args);
    if (n < 0) {
        return;
    }
    std::size_t size = static_cast<std::size_t>(n);
    write(level, {text, size < sizeof text ? size : sizeof text - 1});
}

// The first line of `text` with its break, or all of it.
std::string_view firstLine(std::string_view text) noexcept
{
    return text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
}

// As they are; as many at once as a pipe keeps together, if they are short enough.
void emitRaw(std::string_view lines) noexcept
{
    while (!lines.empty()) {
        std::string_view some = lines.substr(0, PIPE_BUF);
        if (some.size() < lines.size()) {
            std::size_t last = some.rfind('\n');
            some = last == std::string_view::npos ? firstLine(lines) : some.substr(0, last + 1);
        }
        emit(some);
        lines.remove_prefix(some.size());
    }
}

// A line that does not fit into one of ours is several.
void emitApplicationLine(const Destination &where, const LineFacts &facts,
                         std::string_view message) noexcept
{
    do {
        message.remove_prefix(emitLine(where, facts, message));
    } while (!message.empty());
}

std::string_view withoutBreak(std::string_view line) noexcept
{
    while (line.ends_with('\n') || line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return line;
}

} // namespace

void setLevel(Level level) noexcept
{
    currentLevel.store(level, std::memory_order_relaxed);
}

Level level() noexcept
{
    return currentLevel.load(std::memory_order_relaxed);
}

void setFormat(Format format) noexcept
{
    currentFormat.store(format, std::memory_order_relaxed);
}

Format format() noexcept
{
    return currentFormat.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message) noexcept
{
    if (level > currentLevel.load(std::memory_order_relaxed)) {
        return;
    }
    int saved = errno;
    LineFacts facts{level, getpid(), syscall(SYS_gettid), {}};
    emitLine(destination(), facts, message.substr(0, kMaxMessage));
    errno = saved;
}

void application(std::string_view name, std::string_view lines) noexcept
{
    Destination where = destination();
    bool json = format() == Format::json;
    if (!json && !where.journal) {
        emitRaw(lines);
        return;
    }
    while (!lines.empty()) {
        std::string_view line = firstLine(lines);
        lines.remove_prefix(line.size());
        std::string_view message = withoutBreak(line);
        if (std::optional<LineFacts> own = takePrefix(message); own || json) {
            LineFacts facts = own.value_or(LineFacts{});
            facts.application = name;
            emitApplicationLine(where, facts, message);
        } else {
            emit(line);
        }
    }
}

#define PATCHBAY_LOG_FUNCTION(name)                                                                \
    void name(const char *format, ...) noexcept                                                    \
    {                                                                                              \
        std::va_list args;                                                                         \
        va_start(args, format);                                                                    \
        writeFormatted(Level::name, format, args);                                                 \
        va_end(args);                                                                              \
    }

PATCHBAY_LOG_FUNCTION(alert)
PATCHBAY_LOG_FUNCTION(error)
PATCHBAY_LOG_FUNCTION(warn)
PATCHBAY_LOG_FUNCTION(notice)
PATCHBAY_LOG_FUNCTION(info)
PATCHBAY_LOG_FUNCTION(debug)

#undef PATCHBAY_LOG_FUNCTION

} // namespace patchbay::log
