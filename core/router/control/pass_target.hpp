// [control] The option "pass" as a text: where requests of a listener go (config.md 4).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace patchbay::control {

// kind/name[/target], split before decoding; empty if that is not what it is.
std::vector<std::string> passParts(std::string_view pass);

// Where a valid value leads to.
struct PassTarget {
    std::string application;
    std::string target; // empty: the first one, or there are none
};
PassTarget passTarget(std::string_view pass);

// How an application, or a target of it, is written in a value.
std::string passFor(std::string_view application, std::string_view target = {});

} // namespace patchbay::control
