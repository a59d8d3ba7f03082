// [any] The event log: one line per event, one write() per line, to descriptor 2 (daemon.md 5).
// Descriptor 2 is the log file in every process once main has opened it; reopening replaces it in
// place with dup2(), so nobody needs to be told. In the router a thread of its own writes what
// engines say (log_output.hpp), so that none of them waits for a disk or a reader.
#pragma once

#include <cstdint>
#include <string_view>

namespace patchbay::log {

enum class Level : std::uint8_t { alert, error, warn, notice, info, debug };
enum class Format : std::uint8_t { text, json };

// Lines above this level are dropped. Default: info. Inherited by fork. [any]
void setLevel(Level level) noexcept;
Level level() noexcept;

// Default: text. Inherited by fork. [any]
void setFormat(Format format) noexcept;
Format format() noexcept;

// "info" -> Level::info; false if there is no such level. [any]
bool parseLevel(std::string_view text, Level &out) noexcept;
bool parseFormat(std::string_view text, Format &out) noexcept;

// text: "2026/11/23 04:42:16 [info] 24553#24553 MESSAGE", local time; a line break inside becomes a
// space, so that nobody can forge a line.
// json: {"time":"2026-11-23T03:42:16.123Z","level":"info","pid":24553,"tid":24553,"message":...}
// Longer than 8 KiB is cut; in a pipe longer than PIPE_BUF, which is what the kernel keeps in one
// piece. What cannot be written is lost, and counted in a line as soon as one can be. Never throws.
// [any]
void write(Level level, std::string_view message) noexcept;

// What an application has said on its standard error, whole lines; a last one without a line break
// is the beginning or the rest of a very long one. text: as it is. json: an object of each line,
// with "application"; level, pid and tid are those of the line if it is one of our own. [any]
void application(std::string_view name, std::string_view lines) noexcept;

// printf-style convenience; formats on the stack. [any]
[[gnu::format(printf, 1, 2)]] void alert(const char *format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void error(const char *format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void warn(const char *format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void notice(const char *format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void info(const char *format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void debug(const char *format, ...) noexcept;

} // namespace patchbay::log
