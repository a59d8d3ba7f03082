// [prototype, keeper] The control group (v2) of an application.
#pragma once

#include <string>

namespace patchbay::worker {

class Cgroup {
public:
    // path: absolute from the mount of cgroup v2, else from the group this process is in. Nothing
    // is made yet. Throws Error when there is no cgroup v2.
    explicit Cgroup(const std::string &path);

    // Makes the group and its parents as far as they are missing, and moves the calling process
    // into it. Throws Error.
    void join() const;
    // Removes the group and its parents as long as they were made by join(), of whatever process,
    // and are empty.
    void remove() const noexcept;

private:
    void make() const;

    std::string base_; // directory that is there already
    std::string path_; // below it, "/" in front of each part; empty: the base itself
};

} // namespace patchbay::worker
