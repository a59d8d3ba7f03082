// [prototype, keeper] See isolation_cgroup.hpp. Several generations of an application, and several
// applications, may use one group: whoever is the last to leave removes it. That it was made by us
// is therefore written at the directory itself, as an extended attribute.
#include "worker/isolation_cgroup.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

namespace patchbay::worker {
namespace {

constexpr const char *kMark = "user.patchbay.made";
// Somebody who leaves may remove what we have just found or made.
constexpr int kTries = 20;

// "\040" and its like stand for blanks in /proc/self/mountinfo.
std::string unescaped(const std::string &text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            out += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

struct Mount {
    std::string root;  // the part of the hierarchy that is mounted
    std::string place; // directory
};

Mount findMount()
{
    std::ifstream file("/proc/self/mountinfo");
    for (std::string line; std::getline(file, line);) {
        std::istringstream left(line.substr(0, line.find(" - ")));
        std::istringstream right(line.substr(std::min(line.find(" - ") + 3, line.size())));
        std::string skipped, root, place, type;
        left >> skipped >> skipped >> skipped >> root >> place;
        right >> type;
        if (type == "cgroup2") {
            return {unescaped(root), unescaped(place)};
        }
    }
    throw Error("isolation: there is no cgroup v2 mounted.");
}

// The group of this process, from the mount.
std::string ownGroup(const Mount &mount)
{
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("0::")) {
            std::string group = line.substr(3);
            if (mount.root != "/" && group.starts_with(mount.root)) {
                group.erase(0, mount.root.size());
            }
            return group == "/" ? std::string() : group;
        }
    }
    throw Error("isolation: the daemon is in no cgroup v2.");
}

[[noreturn]] void refuse(const std::string &path, const char *what, int error)
{
    throw Error("isolation: the cgroup \"" + path + "\" cannot be " + what + ": " +
                errnoText(error) + ".");
}

} // namespace

Cgroup::Cgroup(const std::string &path)
{
    const Mount mount = findMount();
    base_ = mount.place;
    if (path.empty() || path.front() != '/') {
        base_ += ownGroup(mount);
    }
    std::istringstream parts(path);
    for (std::string part; std::getline(parts, part, '/');) {
        if (!part.empty() && part != ".") {
            path_ += "/" + part;
        }
    }
}

void Cgroup::make() const
{
    for (std::size_t end = path_.find('/', 1); !path_.empty(); end = path_.find('/', end + 1)) {
        const std::string directory = base_ + path_.substr(0, end);
        if (mkdir(directory.c_str(), 0777) == 0) {
            // Kernels before 5.7 cannot; the group stays there.
            setxattr(directory.c_str(), kMark, "", 0, 0);
        } else if (errno == ENOENT) {
            return; // its parent was removed behind our back; join() begins again
        } else if (errno != EEXIST) {
            refuse(directory, "made", errno);
        }
        if (end == std::string::npos) {
            return;
        }
    }
}

void Cgroup::join() const
{
    const std::string group = base_ + path_;
    const std::string processes = group + "/cgroup.procs";
    int error = 0;
    for (int i = 0; i < kTries; i++) {
        make();
        UniqueFd file(open(processes.c_str(), O_WRONLY | O_CLOEXEC));
        if (file && write(file.get(), "0", 1) == 1) {
            return;
        }
        error = errno;
        if (error != ENOENT && error != ENODEV) {
            break;
        }
    }
    refuse(group, "joined", error);
}

void Cgroup::remove() const noexcept
{
    std::string directory = base_ + path_;
    while (directory.size() > base_.size() && getxattr(directory.c_str(), kMark, nullptr, 0) >= 0 &&
           rmdir(directory.c_str()) == 0) {
        directory.resize(directory.rfind('/'));
    }
}

} // namespace patchbay::worker
