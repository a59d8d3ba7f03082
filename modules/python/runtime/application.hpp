// [worker] Main thread, GIL held. Finds the application's callable.
#pragma once

#include "python.hpp"

#include "options.hpp"

#include "patchbay/module.hpp"

namespace patchbay::python {

// Imports the module and fetches the callable, or what the factory makes. Throws
// std::runtime_error after the traceback and a line in the log have said more.
Ref loadApplication(const Options &options, const sdk::Host &host);

} // namespace patchbay::python
