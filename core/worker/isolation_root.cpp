// [prototype] See isolation_root.hpp. Paths inside of a rootfs are looked up after it has become
// the root, so that no link in it leads outside; what comes from outside is held by descriptors.
#include "worker/isolation_root.hpp"

#include "base/unique_fd.hpp"
#include "worker/isolation_error.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace patchbay::worker {
namespace {

// A mount that is nowhere yet.
struct Detached {
    std::string path; // where it comes from and where it goes to
    UniqueFd tree;
};

[[noreturn]] void refuseRoot(const std::string &rootfs, int error)
{
    throw Error("The rootfs \"" + rootfs + "\" cannot be entered: " + errnoText(error) + ".");
}

Detached detach(const std::string &path)
{
    UniqueFd tree(
        open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    if (!tree && errno != ENOENT) {
        refuseIsolation("open_tree(" + path + ")", errno);
    }
    return {path, std::move(tree)};
}

// The processes of this pid namespace. In a user namespace the kernel wants to see another /proc as
// it makes one, so it must happen while the old root is there.
Detached newProcesses()
{
    UniqueFd context(fsopen("proc", FSOPEN_CLOEXEC));
    if (context && fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0) {
        UniqueFd tree(fsmount(context.get(), FSMOUNT_CLOEXEC,
                              MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
        if (tree) {
            return {"/proc", std::move(tree)};
        }
    }
    refuseIsolation("mounting /proc", errno);
}

std::vector<Detached> detachLanguage(const std::vector<std::string> &paths)
{
    std::vector<Detached> mounts;
    for (const std::string &path : paths) {
        Detached mount = detach(path);
        if (!mount.tree) {
            continue; // one of several places where a language may have something
        }
        mount_attr attributes{};
        attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
        if (mount_setattr(mount.tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                          sizeof attributes) != 0) {
            refuseIsolation("mount_setattr(" + path + ")", errno);
        }
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

void makeMountPoint(const std::string &path)
{
    const mode_t before = umask(022); // the prototype has one thread
    std::error_code error;
    std::filesystem::create_directories(path, error);
    umask(before);
    if (error) {
        throw Error("isolation: the directory \"" + path +
                    "\" cannot be made in the rootfs: " + errnoText(error.value()) + ".");
    }
}

bool hasEntries(const std::string &path)
{
    std::error_code error;
    return !std::filesystem::is_empty(path, error) && !error;
}

void attach(const Detached &mount)
{
    makeMountPoint(mount.path);
    if (move_mount(mount.tree.get(), "", AT_FDCWD, mount.path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) !=
        0) {
        refuseIsolation("move_mount(" + mount.path + ")", errno);
    }
}

void mountTmp()
{
    makeMountPoint("/tmp");
    if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "size=1048576,mode=1777") != 0) {
        refuseIsolation("mounting /tmp", errno);
    }
}

void pivot(const std::string &rootfs)
{
    if (mount(rootfs.c_str(), rootfs.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0 ||
        chdir(rootfs.c_str()) != 0) {
        refuseRoot(rootfs, errno);
    }
    // The old root comes to lie on top of the new one, and is taken away from there.
    if (syscall(SYS_pivot_root, ".", ".") != 0) {
        refuseIsolation("pivot_root(" + rootfs + ")", errno);
    }
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) {
        refuseIsolation("leaving the old root", errno);
    }
}

void checkRoot(const std::string &rootfs)
{
    struct stat there {};
    struct stat ours {};
    if (stat(rootfs.c_str(), &there) != 0) {
        refuseRoot(rootfs, errno);
    }
    if (!S_ISDIR(there.st_mode)) {
        refuseRoot(rootfs, ENOTDIR);
    }
    if (stat("/", &ours) == 0 && ours.st_dev == there.st_dev && ours.st_ino == there.st_ino) {
        throw Error("The rootfs \"" + rootfs + "\" must not be \"/\".");
    }
}

void mountInside(const ipc::Isolation &isolation, const std::vector<Detached> &language,
                 const Detached &processes)
{
    for (const Detached &mount : language) {
        if (!hasEntries(mount.path)) { // what a rootfs has of its own is not hidden
            attach(mount);
        }
    }
    if (isolation.tmpfs) {
        mountTmp();
    }
    if (processes.tree) {
        attach(processes);
    }
}

} // namespace

std::vector<std::string> languagePaths(const std::string &module)
{
    std::vector<std::string> paths;
    std::ifstream file(module.substr(0, module.rfind(".so")) + ".paths");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with('/')) {
            paths.push_back(line);
        }
    }
    return paths;
}

bool wantsMounts(const ipc::Isolation &isolation)
{
    // In a mere chroot the kernel makes no user namespace.
    return isolation.mount ||
           (!isolation.rootfs.empty() && (isolation.languageDeps || isolation.tmpfs ||
                                          isolation.procfs || isolation.credential));
}

void changeRoot(const ipc::Isolation &isolation, const std::vector<std::string> &languagePaths)
{
    if (!isolation.rootfs.empty()) {
        checkRoot(isolation.rootfs);
    }
    if (!wantsMounts(isolation)) {
        if (!isolation.rootfs.empty() &&
            (chroot(isolation.rootfs.c_str()) != 0 || chdir("/") != 0)) {
            refuseIsolation("chroot(" + isolation.rootfs + ")", errno);
        }
        return;
    }
    if (unshare(CLONE_NEWNS) != 0) {
        refuseIsolation("unshare(mount)", errno);
    }
    // What is mounted and unmounted outside happens inside too, not the other way round.
    if (mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0) {
        refuseIsolation("mount(slave)", errno);
    }
    if (isolation.rootfs.empty()) {
        return;
    }
    std::vector<Detached> language;
    if (isolation.languageDeps) {
        language = detachLanguage(languagePaths);
    }
    Detached processes;
    if (isolation.procfs) {
        // Of the same processes: a new one would need rights over their namespace.
        processes = isolation.pid ? newProcesses() : detach("/proc");
    }
    pivot(isolation.rootfs);
    mountInside(isolation, language, processes);
}

} // namespace patchbay::worker
