// patchbayd -t: everything that can be known of a configuration without side effects. Runs in a
// process of its own, which loads modules, before any other is started.
#pragma once

#include "ipc/bundle.hpp"
#include "router/process/router.hpp"

#include <functional>
#include <string>
#include <vector>

namespace patchbay::control {

struct CheckResult {
    std::string declared; // all files as one document, compact JSON
    std::string plan;     // of a start with it, compact JSON (control/plan.hpp)
};

// readFile: of a ${file:}; throws Error. Throws ConfigError and Error, whose texts say where and
// what to do.
CheckResult checkFiles(std::vector<ipc::NamedText> texts, const RouterOptions &options,
                       const std::function<std::string(const std::string &path)> &readFile);

} // namespace patchbay::control
