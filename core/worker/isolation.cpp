// [prototype] See isolation.hpp. A privileged daemon makes mounts, pid and cgroup namespace with
// its own rights and enters the user namespace after that: inside they can be used, not changed.
// Only network and host name belong to the user namespace. Without privilege the user namespace
// comes first, and all else belongs to it.
#include "worker/isolation.hpp"

#include "worker/isolation_cgroup.hpp"
#include "worker/isolation_error.hpp"
#include "worker/isolation_keeper.hpp"
#include "worker/isolation_root.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <optional>

namespace patchbay::worker {
namespace {

void separate(bool wanted, int flag, const char *name)
{
    if (wanted && unshare(flag) != 0) {
        const int error = errno;
        if (error == ENOSPC) {
            throw Error(std::string("isolation: unshare(") + name +
                        ") failed: there are as many such namespaces as the kernel allows.");
        }
        refuseIsolation(std::string("unshare(") + name + ")", error);
    }
}

} // namespace

Isolator::Isolator(const ipc::Isolation &isolation, std::string name, Credentials user,
                   const std::string &module)
    : isolation_(isolation), name_(std::move(name)), user_(std::move(user)),
      ownMap_(isolation.credential && !canAdminister())
{
    checkRights();
    if (isolation_.credential) {
        maps_ = mapsFor(isolation_, user_, ownMap_);
    }
    if (!isolation_.rootfs.empty() && isolation_.languageDeps) {
        languagePaths_ = languagePaths(module);
    }
}

// A reason that a person can act on, before the kernel says no.
void Isolator::checkRights() const
{
    const std::pair<bool, const char *> parts[] = {
        {isolation_.pid, "\"pid\" namespace"},     {isolation_.network, "\"network\" namespace"},
        {isolation_.uname, "\"uname\" namespace"}, {isolation_.cgroup, "\"cgroup\" namespace"},
        {isolation_.mount, "\"mount\" namespace"}, {!isolation_.rootfs.empty(), "\"rootfs\""}};
    if (isolation_.credential || canAdminister()) {
        return;
    }
    for (const auto &[wanted, what] : parts) {
        if (wanted) {
            throw Error(std::string("isolation: the ") + what +
                        " needs the \"credential\" namespace too: the daemon lacks the privilege "
                        "(CAP_SYS_ADMIN).");
        }
    }
}

uid_t Isolator::hostUid() const
{
    return isolation_.credential ? hostId(maps_.uids, user_.uid).value_or(user_.uid) : user_.uid;
}

gid_t Isolator::hostGid() const
{
    return isolation_.credential ? hostId(maps_.gids, user_.gid).value_or(user_.gid) : user_.gid;
}

bool Isolator::needsKeeper() const
{
    return isolation_.pid || !isolation_.cgroupPath.empty() || (isolation_.credential && !ownMap_);
}

void Isolator::enter()
{
    if (ownMap_) {
        enterOwnUserNamespace();
    }
    separate(isolation_.pid, CLONE_NEWPID, "pid");
    if (needsKeeper()) {
        splitKeeper();
    }
    if (!isolation_.cgroupPath.empty()) {
        Cgroup(isolation_.cgroupPath).join();
    }
    separate(isolation_.cgroup, CLONE_NEWCGROUP, "cgroup");
    changeRoot(isolation_, languagePaths_);
    if (isolation_.credential && !ownMap_) {
        enterUserNamespace();
    }
    separate(isolation_.network, CLONE_NEWNET, "network");
    separate(isolation_.uname, CLONE_NEWUTS, "uname");
}

void Isolator::enterOwnUserNamespace()
{
    separate(true, CLONE_NEWUSER, "user");
    writeMaps("self", maps_, true);
}

void Isolator::enterUserNamespace()
{
    separate(true, CLONE_NEWUSER, "user");
    askForMaps(mapsAsked_.get());
    mapsAsked_.reset();
}

// After unshare(CLONE_NEWPID) the child is process 1 of the namespace.
void Isolator::splitKeeper()
{
    KeeperWork work;
    if (!isolation_.cgroupPath.empty()) {
        work.cgroup.emplace(isolation_.cgroupPath);
    }
    if (isolation_.credential && !ownMap_) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
            throw SystemError("socketpair()");
        }
        mapsAsked_.reset(ends[0]);
        work.mapsWanted.reset(ends[1]);
    }
    std::fflush(nullptr); // what lies in stdio's buffers must not come out twice
    work.prototype = fork();
    if (work.prototype < 0) {
        throw SystemError("fork()");
    }
    if (work.prototype > 0) {
        work.name = std::move(name_);
        work.maps = std::move(maps_);
        runKeeper(std::move(work));
    }
    kept_ = true;
}

void Isolator::becomeUser()
{
    if (!ownMap_) {
        if (isolation_.credential && user_.user.empty()) {
            user_.user = std::to_string(user_.uid); // inside it is still to become that
        }
        takeOn(user_);
    } else if (user_.uid != 0) { // the map has made it that user
        dropCapabilities();
    }
    if (!isolation_.newPrivileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        throw SystemError("prctl(PR_SET_NO_NEW_PRIVS)");
    }
    // Without its keeper nobody would tidy up after it. A change of user would undo this.
    if (kept_ && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        throw SystemError("prctl(PR_SET_PDEATHSIG)");
    }
}

} // namespace patchbay::worker
