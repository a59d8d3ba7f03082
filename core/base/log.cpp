// [any] The event log. Every process; see log.hpp.
#include "base/log.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace patchbay::log {
namespace {

constexpr std::size_t kMaxLine = 8192;
constexpr std::array<const char *, 6> kNames = {"alert",  "error", "warn",
                                                "notice", "info",  "debug"};

std::atomic<Level> currentLevel{Level::info};

std::size_t writePrefix(char *out, std::size_t capacity, Level level) noexcept
{
    std::time_t now = std::time(nullptr);
    std::tm tm{};
    localtime_r(&now, &tm);
    int n = std::snprintf(out, capacity, "%04d/%02d/%02d %02d:%02d:%02d [%s] %d#%ld ",
                          tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                          tm.tm_sec, kNames[static_cast<std::size_t>(level)], getpid(),
                          syscall(SYS_gettid));
    return n > 0 ? static_cast<std::size_t>(n) : 0;
}

void writeFormatted(Level level, const char *format, std::va_list args) noexcept
{
    if (level > currentLevel.load(std::memory_order_relaxed)) {
        return;
    }
    char text[kMaxLine];
    int n = std::vsnprintf(text, sizeof text, format, args);
    if (n < 0) {
        return;
    }
    std::size_t size = static_cast<std::size_t>(n);
    write(level, {text, size < sizeof text ? size : sizeof text - 1});
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

bool parseLevel(std::string_view text, Level &out) noexcept
{
    for (std::size_t i = 0; i < kNames.size(); i++) {
        if (text == kNames[i]) {
            out = static_cast<Level>(i);
            return true;
        }
    }
    return false;
}

void write(Level level, std::string_view message) noexcept
{
    if (level > currentLevel.load(std::memory_order_relaxed)) {
        return;
    }
    int saved = errno;
    char line[kMaxLine + 128];
    std::size_t size = writePrefix(line, sizeof line, level);
    std::size_t take = message.size() < kMaxLine ? message.size() : kMaxLine;
    for (std::size_t i = 0; i < take; i++) {
        char c = message[i];
        line[size++] = (c == '\n' || c == '\r' || c == '\0') ? ' ' : c;
    }
    line[size++] = '\n';
    // A full disk or a closed descriptor must not stop the caller; the line is lost.
    [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line, size);
    errno = saved;
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
