// [prototype] The mount namespace and the root directory of an application.
#pragma once

#include "ipc/isolation.hpp"

#include <string>
#include <vector>

namespace patchbay::worker {

// Directories that the language of a runtime module reads at run time: the lines of the file beside
// the module that is called like it, ".paths" instead of ".so". Empty lines and such that begin
// with '#' do not count; no file, no directories.
std::vector<std::string> languagePaths(const std::string &module);

// Do the wishes need a mount namespace? Also without `mount`: what is mounted into a rootfs is for
// the application alone, and goes with its last process.
bool wantsMounts(const ipc::Isolation &isolation);

// For a process that may mount, in its own pid namespace if it is to have one. Its current
// directory is "/" then, if it has a rootfs. Throws Error.
void changeRoot(const ipc::Isolation &isolation, const std::vector<std::string> &languagePaths);

} // namespace patchbay::worker
