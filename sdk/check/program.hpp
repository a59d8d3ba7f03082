// patchbay-module: the program that "@PROGRAM@" in options stands for.
#pragma once

#include <optional>
#include <string>

namespace patchbay::check {

// What PATCHBAY_INIT says of the server while a become() is tried.
inline constexpr const char *kProgramServer = "patchbay-module/check";

// The file that is to be executed: this executable.
std::string programFile();

// First thing in main(): was this executed by a become() that is being tried? Then it says over the
// channel what it finds, and this is its exit status.
std::optional<int> runAsProgram();

} // namespace patchbay::check
