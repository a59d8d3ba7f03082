// Process "main", before anything else: the command line (daemon.md 1).
//
// Poco::Util's parser accepts --x=y, abbreviations and /x, and words its own errors; none of that
// is what scripts written for Unit expect. Hence this one, driven by a table.
#pragma once

#include "base/error.hpp"
#include "base/log.hpp"

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

namespace patchbay::main_ {

struct Options {
    enum class Action { run, help, version, test, listModules };

    Action action = Action::run;
    bool json = false; // of --list-modules
    bool daemon = true;
    std::string control, controlUser, controlGroup;
    mode_t controlMode = 0600;
    std::string pidFile, logFile, modulesDir, stateDir, tmpDir;
    std::string user, group;
    bool userGiven = false, groupGiven = false, modulesDirGiven = false;
    std::string config; // empty: none
    log::Level logLevel = log::Level::info;
    log::Format logFormat = log::Format::text;
    std::vector<std::string> warnings; // one line each, for stderr
};

// What is wrong with the command line: one line for stderr; exit status 1.
class OptionError : public Error {
public:
    using Error::Error;
};

// What holds when nothing is given.
Options defaultOptions(bool asUnit);

// arguments: argv, its first element included. --help and --version end the parsing. Throws
// OptionError.
Options parseOptions(std::span<const char *const> arguments, bool asUnit);

// To stdout; tools look for an option's line and `default: "..."` on the one after it.
std::string helpText(bool asUnit);
// To stderr, two lines.
std::string versionText(bool asUnit);

} // namespace patchbay::main_
