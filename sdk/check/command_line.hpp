// patchbay-module: what it was asked to do.
#pragma once

#include "checker.hpp"

#include "base/error.hpp"

#include <span>
#include <string>

namespace patchbay::check {

// The command line makes no sense; what() says why.
class UsageError : public Error {
public:
    using Error::Error;
};

struct CommandLine {
    enum class Command { help, version, makeNew, check };
    Command command = Command::help;
    std::string kind, name, directory; // of "new"
    CheckRequest check;
    bool json = false;
};

CommandLine parseCommandLine(std::span<const char *const> arguments);
const char *helpText();

} // namespace patchbay::check
