// [prototype] See isolation_maps.hpp; user_namespaces(7) has the kernel's rules.
#include "worker/isolation_maps.hpp"

#include "base/unique_fd.hpp"
#include "worker/isolation_error.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

namespace patchbay::worker {
namespace {

using Ranges = std::vector<ipc::IdRange>;

std::string described(std::uint32_t id, const std::string &name)
{
    return name.empty() ? std::to_string(id) : "\"" + name + "\" (" + std::to_string(id) + ")";
}

// Without privilege the kernel takes one entry, of the process's own id.
void checkOwn(const Ranges &map, std::uint32_t id, const char *option)
{
    if (map.size() != 1 || map[0].size != 1 || map[0].host != id) {
        throw Error(std::string("isolation: the \"") + option + "\" can map the " +
                    (option[0] == 'u' ? "user" : "group") + " " + std::to_string(id) +
                    " alone: the daemon lacks the privilege for more (CAP_SYS_ADMIN).");
    }
}

void checkMapped(const Ranges &map, std::uint32_t id, const char *option, const std::string &who)
{
    if (!hostId(map, id)) {
        throw Error(std::string("isolation: the \"") + option + "\" has no \"container\" id for " +
                    who + ".");
    }
}

void writeFile(const std::string &path, const std::string &text)
{
    UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        refuseIsolation("writing " + path, errno);
    }
}

std::string textOf(const Ranges &map)
{
    std::string text;
    for (const ipc::IdRange &range : map) {
        text += std::to_string(range.container) + " " + std::to_string(range.host) + " " +
                std::to_string(range.size) + "\n";
    }
    return text;
}

} // namespace

std::optional<std::uint32_t> hostId(const Ranges &map, std::uint32_t id)
{
    for (const ipc::IdRange &range : map) {
        if (id >= range.container && id - range.container < range.size) {
            return range.host + (id - range.container);
        }
    }
    return std::nullopt;
}

IdMaps mapsFor(const ipc::Isolation &isolation, Credentials &user, bool own)
{
    IdMaps maps{isolation.uidMap, isolation.gidMap};
    if (maps.uids.empty()) {
        maps.uids.push_back({user.uid, user.uid, 1});
    }
    if (maps.gids.empty()) {
        maps.gids.push_back({user.gid, user.gid, 1});
        for (gid_t group : user.groups) {
            if (!own && !hostId(maps.gids, group)) {
                maps.gids.push_back({group, group, 1});
            }
        }
    }
    if (own) {
        checkOwn(maps.uids, geteuid(), "uidmap");
        checkOwn(maps.gids, getegid(), "gidmap");
        if (user.user.empty()) { // it is whoever it is mapped to
            user.uid = maps.uids[0].container;
            user.gid = maps.gids[0].container;
        }
    }
    checkMapped(maps.uids, user.uid, "uidmap", "the user " + described(user.uid, user.user));
    checkMapped(maps.gids, user.gid, "gidmap", "the group " + described(user.gid, user.group));
    std::erase_if(user.groups, [&](gid_t group) { return !hostId(maps.gids, group); });
    return maps;
}

void writeMaps(const std::string &process, const IdMaps &maps, bool own)
{
    const std::string directory = "/proc/" + process;
    if (own) {
        writeFile(directory + "/setgroups", "deny");
    }
    writeFile(directory + "/gid_map", textOf(maps.gids));
    writeFile(directory + "/uid_map", textOf(maps.uids));
}

} // namespace patchbay::worker
