// Process "prototype": one per application. Parses its start blob, takes on the application's user,
// loads the runtime once, then forks workers on the router's request (seed S41).
#pragma once

#include "ipc/channel.hpp"

#include <string>

namespace patchbay::worker {

struct PrototypeOptions {
    ipc::Channel router;     // to the router
    UniqueFd start;          // ApplicationStart blob (message.hpp)
    UniqueFd standardError;  // becomes descriptor 2; none: that stays as it is
    std::string user, group; // the daemon's own choice, for applications that name none
    bool asUnit = false;
};

// Called in the forked child; descriptors other than those above and 0-2 are already closed.
int runPrototype(PrototypeOptions options) noexcept;

} // namespace patchbay::worker
