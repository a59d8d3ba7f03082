// [any] The event log: one line per event, one write() per line, to descriptor 2 (daemon.md 5).
// Descriptor 2 is the log file in every process once main has opened it; reopening replaces it in
// place with dup2(), so nobody needs to be told.
#pragma once

#include <cstdint>
#include <string_view>

namespace patchbay::log {

enum class Level : std::uint8_t { alert, error, warn, notice, info, debug };

// Lines above this level are dropped. Default: info. Inherited by fork. [any]
void setLevel(Level level) noexcept;
Level level() noexcept;

// "info" -> Level::info; false if there is no such level. [any]
bool parseLevel(std::string_view text, Level &out) noexcept;

// "2026/11/23 04:42:16 [info] 24553#24553 MESSAGE". Longer than 8 KiB is cut; a line break inside
// becomes a space, so that nobody can forge a line. Never throws. [any]
void write(Level level, std::string_view message) noexcept;

// printf-style convenience; formats on the stack. [any]
[[gnu::format(printf, 1, 2)]] void alert(const char *format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void error(const char *format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void warn(const char *format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void notice(const char *format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void info(const char *format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void debug(const char *format, ...) noexcept;

} // namespace patchbay::log
