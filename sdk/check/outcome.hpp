// patchbay-module: what became of one rule.
#pragma once

#include <stdexcept>
#include <string>

namespace patchbay::check {

enum class State { held, broken, skipped };

struct Outcome {
    State state = State::held;
    std::string text;   // why it is broken or was skipped
    std::string output; // what the module wrote to standard output and error meanwhile
};

// The module breaks the rule being tried; what() is the finding, for the module's author.
class Finding : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// The rule cannot be tried; what() is the reason.
class Skipped : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Throws Finding unless it holds.
inline void expect(bool holds, const std::string &finding)
{
    if (!holds) {
        throw Finding(finding);
    }
}

} // namespace patchbay::check
