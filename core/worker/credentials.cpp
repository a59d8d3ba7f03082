// Main resolves before fork; children take on. Nothing of an application runs before this.
#include "worker/credentials.hpp"

#include "base/error.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace patchbay::worker {
namespace {

const passwd *findUser(const std::string &user)
{
    errno = 0;
    const passwd *entry = getpwnam(user.c_str());
    if (entry == nullptr && errno != 0 && errno != ENOENT && errno != ESRCH) {
        throw SystemError("getpwnam(\"" + user + "\")");
    }
    return entry;
}

const passwd &requireUser(const std::string &user)
{
    const passwd *account = findUser(user);
    if (account == nullptr) {
        throw Error("The user \"" + user + "\" does not exist.");
    }
    return *account;
}

const group *findGroup(const std::string &name)
{
    errno = 0;
    const group *entry = getgrnam(name.c_str());
    if (entry == nullptr && errno != 0 && errno != ENOENT && errno != ESRCH) {
        throw SystemError("getgrnam(\"" + name + "\")");
    }
    return entry;
}

std::vector<gid_t> groupsOf(const std::string &user, gid_t primary)
{
    std::vector<gid_t> groups(32);
    int count = static_cast<int>(groups.size());
    while (getgrouplist(user.c_str(), primary, groups.data(), &count) < 0) {
        // glibc writes the number needed; other libraries may not.
        groups.resize(std::max(static_cast<std::size_t>(count), groups.size() * 2));
        count = static_cast<int>(groups.size());
    }
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

bool alreadyIs(const Credentials &credentials) noexcept
{
    return getuid() == credentials.uid && geteuid() == credentials.uid &&
           getgid() == credentials.gid && getegid() == credentials.gid;
}

// wanted: bits of capabilities below 32.
bool hasCapabilities(unsigned wanted) noexcept
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
    if (syscall(SYS_capget, &header, data) != 0) {
        return geteuid() == 0;
    }
    return (data[0].effective & wanted) == wanted;
}

} // namespace

bool canChangeCredentials() noexcept
{
    return hasCapabilities((1U << CAP_SETUID) | (1U << CAP_SETGID));
}

bool canAdminister() noexcept
{
    return hasCapabilities((1U << CAP_SYS_ADMIN) | (1U << CAP_SETUID) | (1U << CAP_SETGID));
}

void dropCapabilities()
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
    if (syscall(SYS_capset, &header, none) != 0) {
        throw SystemError("capset()");
    }
}

bool userExists(const std::string &user)
{
    return findUser(user) != nullptr;
}

bool groupExists(const std::string &group)
{
    return findGroup(group) != nullptr;
}

uid_t userId(const std::string &user)
{
    return requireUser(user).pw_uid;
}

gid_t groupId(const std::string &group)
{
    const struct group *entry = findGroup(group);
    if (entry == nullptr) {
        throw Error("The group \"" + group + "\" does not exist.");
    }
    return entry->gr_gid;
}

Credentials resolveCredentials(const std::string &user, const std::string &group)
{
    Credentials result;
    result.user = user;
    result.group = group;
    const passwd &account = requireUser(user);
    result.uid = account.pw_uid;
    result.gid = account.pw_gid;
    if (!group.empty()) {
        result.gid = groupId(group);
    }
    result.groups = groupsOf(user, result.gid);
    return result;
}

void takeOn(const Credentials &credentials)
{
    if (credentials.user.empty()) {
        return;
    }
    if (!canChangeCredentials()) {
        if (alreadyIs(credentials)) {
            return;
        }
        throw Error("The user \"" + credentials.user +
                    "\" cannot be taken on: the daemon was not started by root.");
    }
    if (setgroups(credentials.groups.size(), credentials.groups.data()) != 0) {
        throw SystemError("setgroups(\"" + credentials.user + "\")");
    }
    if (setgid(credentials.gid) != 0) {
        throw SystemError("setgid(" + std::to_string(credentials.gid) + ")");
    }
    if (setuid(credentials.uid) != 0) {
        throw SystemError("setuid(" + std::to_string(credentials.uid) + ")");
    }
    if (credentials.uid != 0) {
        dropCapabilities(); // the kernel does so only for whoever was user 0 (of his namespace)
        if (setuid(0) == 0) {
            throw Error("The user \"" + credentials.user + "\" was taken on, but not for good.");
        }
    }
}

} // namespace patchbay::worker
