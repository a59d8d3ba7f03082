// [prototype] The application's options that concern the program (config.md 5.5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace patchbay::go {

struct Options {
    std::string executable; // as configured: also argv[0]
    std::vector<std::string> arguments;
};

// Throws std::runtime_error: options a program cannot be run with. json: the application.
Options parseOptions(std::string_view json);

// Throws std::runtime_error: why this file cannot be executed by who we are, from where we are.
void checkExecutable(const std::string &executable);

// "in the working directory ..." for the messages about a relative path; empty for an absolute one.
std::string whereFrom(const std::string &executable);

} // namespace patchbay::go
