// Process "worker": pulls requests out of the application's ring and serves them. Before: the
// prototype forked it. After: app/collect in the router reads its reply rings.
#pragma once

#include "ipc/channel.hpp"
#include "module/instance.hpp"
#include "worker/application_start.hpp"

#include <memory>

namespace patchbay::worker {

struct WorkerOptions {
    ipc::Channel router; // this worker's own
    std::unique_ptr<modules::RuntimeInstance> runtime;
    const ApplicationStart *start = nullptr; // the prototype's, inherited
};

// Called in the forked child, which has one thread and no other descriptors of the core. Returns
// the exit status; the caller ends the process with _exit().
int runWorker(WorkerOptions options) noexcept;

} // namespace patchbay::worker
