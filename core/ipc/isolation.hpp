// [any] The option "isolation" of an application, and how it travels in the blob of startPrototype.
// Written by the router, carried out by the prototype (worker/isolation.hpp).
#pragma once

#include "ipc/channel.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace patchbay::ipc {

// `size` ids from `container` on are those from `host` on outside.
struct IdRange {
    std::uint32_t container = 0;
    std::uint32_t host = 0;
    std::uint32_t size = 0;
};

struct Isolation {
    // Namespaces of its own.
    bool credential = false;
    bool pid = false;
    bool network = false;
    bool mount = false;
    bool uname = false;
    bool cgroup = false;
    std::vector<IdRange> uidMap; // empty: the application's user onto itself
    std::vector<IdRange> gidMap;
    std::string rootfs; // absolute; empty: none
    bool languageDeps = true;
    bool tmpfs = true;
    bool procfs = true;
    bool newPrivileges = true;
    std::string cgroupPath; // empty: none; absolute: from the mount, else from the daemon's own
};

void writeIsolation(WireWriter &out, const Isolation &isolation);
// Throws Error for bytes that are none, and for texts with a zero byte.
Isolation readIsolation(WireReader &reader);

} // namespace patchbay::ipc
