// [worker][prototype] The application's options that concern Python (config.md 5.3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace patchbay::python {

// One application; several of them share a process as "targets" of one configuration.
struct Target {
    std::string name; // empty: the only one
    std::string module;
    std::string callable = "application";
    bool factory = false;
    std::string prefix; // begins with "/", does not end with it; empty: none
};

// Is the decoded path the prefix itself or below it? "/application" is not below "/app".
inline bool isBelow(std::string_view path, std::string_view prefix) noexcept
{
    return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

enum class Protocol { detected, wsgi, asgi };

struct Options {
    std::vector<Target> targets; // at least one; a request says which by its place
    Protocol protocol = Protocol::detected;
    std::vector<std::string> path;  // in the order in which sys.path shall begin
    std::string home;               // absolute; empty: the system's Python
    bool homeIsEnvironment = false; // a venv (PEP 405), not an installation
};

// Throws std::runtime_error: what the schema cannot know (protocol, home). json: the application.
Options parseOptions(std::string_view json);

} // namespace patchbay::python
