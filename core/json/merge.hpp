// [control] Several texts, one configuration: the declared files, in their order. Comes after
// read(), which gave each text offsets of its own, and before references are expanded.
#pragma once

#include "json/value.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace patchbay::json {

// Both documents give this, and neither may override the other.
struct MergeConflict {
    std::string pointer;               // "/listeners/*:80"; empty: one of them is no object
    std::size_t first = 0, second = 0; // offsets of the two names, or values
};

// Adds other's members to target's. An object that both have at the root is united member by
// member, "settings" and the objects in it down to the last option; anything else that both have is
// a conflict. After a conflict target is of no use any more.
std::optional<MergeConflict> mergeInto(Value &target, Value &&other);

} // namespace patchbay::json
