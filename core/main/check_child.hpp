// Process "main" of patchbayd -t: has the configuration checked by an unprivileged child, because
// that runs code of modules, and says what it would change of the server that runs.
#pragma once

#include "worker/credentials.hpp"

#include <string>

namespace patchbay::main_ {

struct CheckRequest {
    int files = -1;      // the configuration, a bundle
    std::string source;  // its name in messages
    std::string control; // where a running server would be
    std::string modulesDir, tmpDir;
    worker::Credentials user;
};

// Problems go to stderr, verdict and plan to stdout. The exit status: 0 or 1.
int checkConfiguration(const CheckRequest &request);

} // namespace patchbay::main_
