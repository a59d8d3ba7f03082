// Process "main": what only unprivileged one-shot children may do, because it runs code of modules.
#pragma once

#include "worker/credentials.hpp"

#include <chrono>
#include <string>

namespace patchbay::main_ {

// Loads every module of the directory in a child; its manifest. Main does not look into it. Throws
// Error.
std::string discoverModules(const std::string &modulesDir, const worker::Credentials &user);

// How long the children may take, and what is said of one that failed.
inline constexpr std::chrono::seconds kDiscoveryPatience{120};
std::string discoveryFailure(const std::string &modulesDir, const std::string &end);

// --list-modules: prints to stdout; exit status.
int listModules(const std::string &modulesDir, bool json, const worker::Credentials &user);

} // namespace patchbay::main_
