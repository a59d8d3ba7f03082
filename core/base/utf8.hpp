// [any] What is a character and what is not.
#pragma once

#include <cstddef>
#include <string_view>

namespace patchbay {

// Bytes of the valid UTF-8 character at the start of text; 0 if there is none.
std::size_t utf8Length(std::string_view text) noexcept;

} // namespace patchbay
