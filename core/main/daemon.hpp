// Process "main": from the command line to a running server, in the order of daemon.md 3.
#pragma once

#include "main/options.hpp"
#include "worker/credentials.hpp"

#include <string>

namespace patchbay::main_ {

// Who router, discovery and, by default, applications run as. Not privileged: nobody else (an empty
// name), with a warning if one was asked for. The default user may be missing: then `nobody`.
// Throws Error for a name that was asked for and does not exist.
worker::Credentials chooseUser(const Options &options);

// Where modules are: as given; else beside the binary in a build tree; else the built-in directory.
std::string chooseModulesDir(const Options &options);

// Exit statuses. commandLine: for the title.
int runDaemon(Options options, const std::string &commandLine);
int runTest(const Options &options);
int runListModules(const Options &options);

} // namespace patchbay::main_
