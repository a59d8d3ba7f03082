// [worker] Main thread. The one interpreter of a worker process: its start and its end.
#pragma once

#include "python.hpp"

#include "options.hpp"

namespace patchbay::python {

// Starts Python as the python3 command would, with sys.argv = [program] and the application's
// entries at the head of sys.path. Throws std::runtime_error. Afterwards this thread holds the GIL.
void startInterpreter(const Options &options, const char *program);

// Ends it: waits for non-daemon threads, runs atexit handlers. This thread holds the GIL. Every Ref
// must be empty before.
void stopInterpreter() noexcept;

} // namespace patchbay::python
