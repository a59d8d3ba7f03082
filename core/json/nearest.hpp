// [any] "Did you mean ...?"
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::json {

// Edits (insert, delete, replace, swap of neighbours) that turn a into b; limit + 1 if more than
// limit are needed.
std::size_t editDistance(std::string_view a, std::string_view b, std::size_t limit);

// The known name with the smallest distance to `name`, at most 2; the first of equals; empty if
// there is none.
std::string nearest(std::string_view name, const std::vector<std::string> &known);

} // namespace patchbay::json
