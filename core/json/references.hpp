// [control] What a configuration takes from elsewhere. In string values, never in names:
//   ${env:NAME}            a variable of the daemon's environment
//   ${env:NAME:-default}   the same; the default, up to the next }, if it is not set or empty
//   ${file:/path}          what a file contains, without one line break at its end
//   $${                    writes ${
// Any other ${...} is left alone: variables of the server are written so. What is put in is not
// looked at again. Comes after the documents are read and merged, before units and the schema.
#pragma once

#include "json/problem.hpp"
#include "json/value.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace patchbay::json {

// The absolute paths that expand() will ask for.
std::set<std::string> fileReferences(const Value &root);

// Of this process's environment; nothing if it is not set. What References::environment mostly is.
std::optional<std::string> environmentVariable(const std::string &name);

struct References {
    std::function<std::optional<std::string>(const std::string &name)> environment;
    std::function<std::string(const std::string &path)> file; // content; throws Error:
                                                              // a sentence naming the file
};

// Expands every reference below root; values keep their offsets. With a problem root is of no use
// any more. No problem tells what a variable or a file contains. At most kMaxProblems.
std::vector<Problem> expand(Value &root, const References &references);

} // namespace patchbay::json
