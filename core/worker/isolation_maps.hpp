// [prototype] User namespaces: which ids inside are which outside. Used by isolation.cpp.
#pragma once

#include "ipc/isolation.hpp"
#include "worker/credentials.hpp"

#include <optional>
#include <vector>

namespace patchbay::worker {

struct IdMaps {
    std::vector<ipc::IdRange> uids;
    std::vector<ipc::IdRange> gids;
};

// The id outside that `id` inside stands for.
std::optional<std::uint32_t> hostId(const std::vector<ipc::IdRange> &map, std::uint32_t id);

// What the configuration says, or else the user and its groups onto themselves. user: as it will be
// inside; supplementary groups that are not mapped are taken from it. own: the process may map
// itself alone, having no privilege. Throws Error when the user or its group is not mapped, or may
// not be.
IdMaps mapsFor(const ipc::Isolation &isolation, Credentials &user, bool own);

// For a process that has just made a user namespace. process: directory of it in /proc, "self" or a
// number. own: as above. Throws Error.
void writeMaps(const std::string &process, const IdMaps &maps, bool own);

} // namespace patchbay::worker
