// [any] Places in JSON text as people and tools name them.
#pragma once

#include "base/utf8.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace patchbay::json {

struct Location {
    std::size_t line = 1;   // from 1
    std::size_t column = 1; // from 1, in characters, not bytes
};

// Where offset is in text (offsets do not count a leading BOM). Nothing when the text before it is
// not valid UTF-8. Linear in offset: for errors only.
std::optional<Location> locate(std::string_view text, std::size_t offset) noexcept;

using patchbay::utf8Length;

// Appends "/name" to a JSON pointer, with ~ and / escaped as ~0 and ~1.
void appendPointer(std::string &pointer, std::string_view name);

} // namespace patchbay::json
