// [any] What is wrong with a configuration, and where.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace patchbay::json {

struct Problem {
    std::string detail;             // one sentence; Unit's text where Unit has one
    std::string pointer;            // JSON pointer of the offending value: "/listeners/*:80/pass"
    std::size_t offset = 0;         // of that value, or of its name when the name is wrong
    std::string reason;             // what exactly is wrong, when detail does not say it
    std::string suggestion;         // the nearest known name; empty: none is near
    std::vector<std::string> known; // names that are allowed there, at most kMaxKnown
    std::string allowed;            // JSON: {"minimum":1,"maximum":5} or a list of values; or empty
};

inline constexpr std::size_t kMaxProblems = 11; // the first and at most ten more
inline constexpr std::size_t kMaxKnown = 20;

} // namespace patchbay::json
