// [any] The little of JSON's grammar that is read twice: RapidJSON says that a text is wrong, this
// says what is wrong with it and where, in the words of control-api.md 3.3.
#pragma once

#include "json/reader.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace patchbay::json {

// What the reader had understood when it stopped. `offset` is the end of the last whole token that
// it reported: a value, a member's name, or a bracket.
enum class After : std::uint8_t {
    nothing,    // no token yet
    root,       // the document's value is complete
    objectOpen, // {
    name,       // a member's name
    member,     // a member's value
    arrayOpen,  // [
    item,       // an array's item
};

// The first thing that is wrong behind `offset`. Never returns without one.
ReadError explain(std::string_view text, After after, std::size_t offset);

// Behind white space and comments; at the slash of a comment that has no end.
std::size_t skipSpace(std::string_view text, std::size_t offset) noexcept;

// Throws ReadError if the number that starts at offset is one that we do not take; else the end of
// it. whole: it has an integer value.
std::size_t checkNumber(std::string_view text, std::size_t offset, bool &whole);

// Throws ReadError if the string whose opening quote is at offset is wrong; else the end of it.
std::size_t checkString(std::string_view text, std::size_t offset);

} // namespace patchbay::json
