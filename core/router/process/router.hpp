// The router process: what main starts after fork. Process "router", thread [control].
#pragma once

#include "base/unique_fd.hpp"
#include "ipc/channel.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace patchbay::control {

struct RouterOptions {
    ipc::Channel main;               // to process "main"
    UniqueFd control;                // listening socket of the control API, not blocking; or none
    std::string controlAddress;      // as --control has it, paths absolute
    std::vector<uid_t> controlUsers; // who may use it, by peer credentials; empty: who can connect
    std::string manifest;            // of discovery
    std::string configFile;          // of --config, absolute; empty: configured by the API alone
    std::string stateDir;            // for messages
    std::string tmpDir;              // spooled bodies
    std::string user, group;         // of applications that name none; empty: do not change
    bool asUnit = false;             // invoked as unitd: product name, chunked_transform default
};

// Runs until told to quit or until main is gone; returns the exit status. Credentials are already
// dropped, signals blocked but for the fatal ones, other descriptors than those in options closed.
int runRouter(RouterOptions options) noexcept;

} // namespace patchbay::control
