// Processes "prototype" and "worker": reading what the router sends.
#pragma once

#include "ipc/channel.hpp"

#include <functional>

namespace patchbay::worker {

// Hands every frame that is there to `handle`; one that does not parse (handle throws) is logged
// and dropped. false: the router is gone.
bool readRouterFrames(ipc::Channel &router, const std::function<void(ipc::Frame &)> &handle);

} // namespace patchbay::worker
