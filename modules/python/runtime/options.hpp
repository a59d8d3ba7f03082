// [worker][prototype] The application's options that concern Python (config.md 5.3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace patchbay::python {

struct Options {
    std::string module;
    std::string callable = "application";
    std::vector<std::string> path;  // in the order in which sys.path shall begin
    std::string home;               // absolute; empty: the system's Python
    bool homeIsEnvironment = false; // a venv (PEP 405), not an installation
    bool factory = false;
};

// Throws std::runtime_error: what the schema cannot know (protocol, home). json: the application.
Options parseOptions(std::string_view json);

} // namespace patchbay::python
