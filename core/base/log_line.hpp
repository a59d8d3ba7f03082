// [any] How one line of the event log is made; log.cpp calls it. No allocation, no lock.
#pragma once

#include "base/log.hpp"

#include <sys/types.h>

#include <cstddef>
#include <ctime>
#include <optional>
#include <span>
#include <string_view>

namespace patchbay::log {

// What a line says besides its message.
struct LineFacts {
    Level level = Level::info;
    long process = 0, thread = 0; // 0: not known, not said
    std::string_view application; // JSON only; empty: the server itself
};

struct LineStyle {
    Format format = Format::text;
    bool journal = false; // it keeps the time itself and takes the level from a "<5>" in front
};

// What composeLine() made.
struct ComposedLine {
    std::size_t size = 0; // bytes, the line break at the end included
    std::size_t used = 0; // bytes of the message that are in it
};

// The form that all lines of the text format begin with: "2026/11/23 04:42:16 [info] 24#25 ".
// Takes it off the front of `line`; nothing if it does not begin so.
std::optional<LineFacts> takePrefix(std::string_view &line) noexcept;

// Makes one line of as much of the message as there is room for, at least 512 bytes. In a text line
// a space stands for each line break and NUL; in JSON U+FFFD for each byte that is not UTF-8.
ComposedLine composeLine(std::span<char> room, const LineStyle &style, const LineFacts &facts,
                         const std::timespec &now, std::string_view message) noexcept;

} // namespace patchbay::log
