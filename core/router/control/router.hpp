// The router process: what main starts after fork. Process "router", thread [control].
#pragma once

#include "ipc/channel.hpp"

#include <string>

namespace patchbay::control {

struct RouterOptions {
    ipc::Channel main;       // to process "main"
    std::string manifest;    // of discovery
    std::string tmpDir;      // spooled bodies
    std::string user, group; // of applications that name none; empty: do not change
    bool asUnit = false;     // invoked as unitd: product name, chunked_transform default
};

// Runs until told to quit or until main is gone; returns the exit status. Credentials are already
// dropped, signals blocked but for the fatal ones, descriptors other than options.main closed.
int runRouter(RouterOptions options) noexcept;

// -t: parses and validates `text` (of file `source`, for messages) without binding or starting
// anything. Prints errors to stderr, one that says where and what to do each; 0 or 1.
int checkConfiguration(const std::string &text, const std::string &source,
                       const RouterOptions &options);

} // namespace patchbay::control
