// patchbayctl: how two documents differ, value by value.
#pragma once

#include "json/value.hpp"

#include <string>
#include <vector>

namespace patchbay::ctl {

struct Difference {
    char sign = '~';     // '+' added, '-' removed, '~' replaced
    std::string pointer; // empty: the whole document
    std::string text;    // the value as compact JSON; '~': "OLD -> NEW"
};

// Members in the order of `before`, new ones after them; arrays element by element. The order of
// members and the way numbers are written (1, 1.0) make no difference.
std::vector<Difference> differences(const json::Value &before, const json::Value &after);

// One line for each: "~ /listeners/*:80/pass: "applications/a" -> "applications/b"".
std::string differencesText(const std::vector<Difference> &all);

} // namespace patchbay::ctl
