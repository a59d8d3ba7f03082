// [prototype] How a part of an application's isolation says that it cannot be had.
#pragma once

#include "base/error.hpp"

#include <cerrno>
#include <string>

namespace patchbay::worker {

// what: the operation, as in "unshare(user)". Throws Error.
[[noreturn]] inline void refuseIsolation(const std::string &what, int error)
{
    throw Error("isolation: " + what +
                (error == EPERM ? " is forbidden by the kernel: " : " failed: ") +
                errnoText(error) + ".");
}

} // namespace patchbay::worker
