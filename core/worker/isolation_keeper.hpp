// Process "keeper": stays outside of an application's isolation, with the daemon's rights, as
// parent of its prototype. It is there only when something must be done from outside.
#pragma once

#include "base/unique_fd.hpp"
#include "worker/isolation_cgroup.hpp"
#include "worker/isolation_maps.hpp"

#include <sys/types.h>

#include <optional>
#include <string>

namespace patchbay::worker {

struct KeeperWork {
    std::string name;    // of the application
    pid_t prototype = 0; // child of the calling process
    UniqueFd mapsWanted; // the prototype asks here for its maps to be written; none: it does not
    IdMaps maps;
    std::optional<Cgroup> cgroup; // to remove when the last process has ended
};

// Closes all other descriptors but 0-2; waits until every process of the application, those it left
// behind included, has ended; then ends as the prototype did.
[[noreturn]] void runKeeper(KeeperWork work) noexcept;

// The other end of mapsWanted, in the prototype that has made its user namespace. Throws Error.
void askForMaps(int keeper);

} // namespace patchbay::worker
