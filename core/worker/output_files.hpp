// Where the application's stdout and stderr go. Prototype and its workers; as the application's
// user.
#pragma once

#include "worker/application_start.hpp"

namespace patchbay::worker {

// Opens those that the configuration names. Throws Error: which one and why.
void openOutput(const ApplicationStart &start);

// Log rotation: opens them again (P20). What fails is logged; the old file stays.
void reopenOutput(const ApplicationStart &start) noexcept;

// For a program, which does that itself: their paths, in its environment (sdk/PROTOCOL.md).
void tellOutput(const ApplicationStart &start);

} // namespace patchbay::worker
