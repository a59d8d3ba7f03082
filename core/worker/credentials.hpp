// Who a process runs as. Process "main" resolves the daemon's own user; router, discovery and
// prototype take theirs on, right after fork, before any foreign code.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace patchbay::worker {

struct Credentials {
    std::string user; // as given; empty: the process stays who it is
    std::string group;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups; // supplementary, of that user; gid among them
};

// May this process become somebody else (CAP_SETUID and CAP_SETGID)? [any]
bool canChangeCredentials() noexcept;
// That, and make namespaces and mounts (CAP_SYS_ADMIN)? [any]
bool canAdminister() noexcept;
// Gives up all of them. Throws SystemError.
void dropCapabilities();
bool userExists(const std::string &user);
bool groupExists(const std::string &group);

// Throw Error naming what is unknown.
uid_t userId(const std::string &user);
gid_t groupId(const std::string &group);

// Looks both up. An empty group: the user's primary one. Throws Error naming what is unknown.
Credentials resolveCredentials(const std::string &user, const std::string &group);

// Supplementary groups, then group, then user; no way back, no capability but user 0's. Nothing to
// do when the process already is that user; throws Error when it must not become it.
void takeOn(const Credentials &credentials);

} // namespace patchbay::worker
