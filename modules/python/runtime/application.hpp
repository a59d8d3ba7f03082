// [worker] Main thread, GIL held. Finds the callables of the application's targets.
#pragma once

#include "python.hpp"

#include "options.hpp"

#include "patchbay/module.hpp"

#include <string>
#include <vector>

namespace patchbay::python {

struct Callable {
    Ref object;
    std::string prefix;   // of its target
    bool isAsgi2 = false; // called with the scope, it returns what takes receive and send
};

struct Application {
    std::vector<Callable> targets; // in the order of options.targets
    bool asgi = false;             // all of them; else all are WSGI
};

// Imports the modules and fetches the callables, or what the factories make. Throws
// std::runtime_error after the traceback and a line in the log have said more.
Application loadApplication(const Options &options, const sdk::Host &host);

} // namespace patchbay::python
