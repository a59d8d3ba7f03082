// patchbay-module: counts what this thread allocates, the modules it calls included.
#pragma once

#include <cstddef>

namespace patchbay::check {

// Calls of malloc(), calloc() and realloc() by this thread so far; what else allocates (operator
// new, strdup) comes to one of them.
std::size_t allocations() noexcept;

// False in builds whose malloc() is a sanitizer's: nothing is counted.
bool countsAllocations() noexcept;

} // namespace patchbay::check
