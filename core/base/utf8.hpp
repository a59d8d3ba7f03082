// [any] What is a character and what is not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace patchbay {

// Bytes of the valid UTF-8 character at the start of text; 0 if there is none.
std::size_t utf8Length(std::string_view text) noexcept;

// The text with a '?' for each byte that is not UTF-8.
std::string withoutBadUtf8(std::string text);

} // namespace patchbay
