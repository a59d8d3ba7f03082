// [any] Where two documents differ.
#pragma once

#include "json/value.hpp"

#include <string>
#include <vector>

namespace patchbay::json {

// One place where two documents differ: null where one of them has nothing.
struct Difference {
    std::string pointer; // JSON pointer; "" is the root
    const Value *before; // into the documents compared
    const Value *after;
};

// In the order of `before`, then what only `after` has. Objects are compared member by member,
// arrays element by element, numbers by value; the order of members does not matter.
std::vector<Difference> differences(const Value &before, const Value &after);

} // namespace patchbay::json
