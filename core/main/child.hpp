// Process "main": how its children begin. All are forks without exec; what a child was not given it
// closes, and it never returns into main's code.
#pragma once

#include <sys/types.h>

#include <functional>
#include <span>
#include <string>

namespace patchbay::main_ {

// Forks. The child: descriptors other than 0-2 and `keep` closed, default signals, /dev/null as
// input, title "patchbay: TITLE" (unchanged if empty); then body(), whose result is its exit
// status; an exception is logged and is status 1. Returns the child's pid, or -1 and errno.
pid_t forkChild(const std::string &title, std::span<const int> keep,
                const std::function<int()> &body);

} // namespace patchbay::main_
