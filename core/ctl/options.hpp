// patchbayctl, first step: the command line.
#pragma once

#include "ctl/command.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace patchbay::ctl {

struct Options {
    enum class Action { run, help, version };

    Action action = Action::run;
    std::string control; // address: "unix:PATH" or "IP:PORT"
    bool json = false;   // print the server's own JSON
    bool quiet = false;
    bool string = false;                         // VALUE is taken as a string, not as JSON
    std::optional<std::chrono::seconds> timeout; // none: as long as it takes
    const Command *command = nullptr;            // set when action is run
    std::vector<std::string> arguments;          // of the command, as many as it takes
};

// arguments: argv without its first element. controlVariable: content of PATCHBAY_CONTROL, may be
// null. Throws UsageError.
Options parseOptions(std::span<const char *const> arguments, const char *controlVariable);

std::string defaultControl();
std::string helpText();

} // namespace patchbay::ctl
