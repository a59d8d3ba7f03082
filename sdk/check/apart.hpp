// patchbay-module: a piece of work in a sandboxed child process with a time limit, and the notes
// by which a death in it finds its place.
#pragma once

#include "outcome.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace patchbay::check {

// Text that the work hands out when all went well; what it throws is its outcome.
using Work = std::function<std::string()>;

// Runs the work in a child. Its text is that of the outcome; a crash, an exit and an end of time
// are findings. The child's own children end with it. Throws SystemError when there is no child.
Outcome runApart(const Work &work, std::chrono::seconds limit);

// In the child: what it is doing now, for "crashes while ...".
void doing(const std::string &what);

// In the child: goes on in a child of its own, as a worker does after the prototype has called
// create(). The process that calls it ends as that one does.
void continueInFork();

} // namespace patchbay::check
