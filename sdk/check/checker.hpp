// patchbay-module: all rules, tried on one module.
#pragma once

#include "outcome.hpp"

#include <optional>
#include <string>
#include <vector>

namespace patchbay::check {

// From the command line.
struct CheckRequest {
    std::string file;
    std::optional<std::string> options; // JSON; none: {}
    std::string encoder;
    std::string address;
};

struct Result {
    std::string rule;
    std::string promise;
    Outcome outcome;
};

struct Verdict {
    std::string file;
    std::string id; // empty: that is what it breaks
    std::string version;
    std::vector<Result> results;
    std::size_t count(State state) const;
};

Verdict checkModule(const CheckRequest &request);

// For people: a table. For programs: one JSON document.
std::string formatTable(const Verdict &verdict);
std::string formatJson(const Verdict &verdict);

} // namespace patchbay::check
