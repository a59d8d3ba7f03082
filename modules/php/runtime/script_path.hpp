// [worker] Which script a path means (app-interfaces 4): a pure function over what is asked of the
// file system, so that its table is tested without PHP and without files.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace patchbay::php {

// One `targets` entry, or the application itself.
struct Target {
    std::string root;                // real path, no trailing '/'; empty: the file system's root
    std::string script;              // "/app.php": every request runs it; empty: by path
    std::string index = "index.php"; // for paths ending in '/'
};

enum class FileKind {
    missing,
    directory,
    regular,  // and may be read
    forbidden // is there, but may not be read or is no regular file
};

class FileSystem {
public:
    virtual ~FileSystem() = default;
    virtual FileKind look(const std::string &file) = 0;
};

// The real one. Follows symbolic links, as PHP does. It remembers the last regular file: of one
// that nobody has touched since, nothing but stat() has to be asked, and its directory is known
// (together 2.5 us of a request). While such a look is younger than `trusted`, not even that
// (stat() was 13 % of a worker's time in a profile): a file that goes or changes is run for so
// long.
class RealFileSystem final : public FileSystem {
public:
    explicit RealFileSystem(std::chrono::microseconds trusted = {}) noexcept : trusted_(trusted) {}
    FileKind look(const std::string &file) override;
    // Was the last look at the file of the one before, and has nobody touched that?
    bool sameAgain() const noexcept { return sameAgain_; }

private:
    using Clock = std::chrono::steady_clock;

    const std::chrono::microseconds trusted_;
    std::string last_; // the last regular file that could be read
    struct stat facts_ {};
    Clock::time_point lookedAt_;
    bool sameAgain_ = false;
};

struct Decision {
    enum class Action {
        run,
        addSlash, // 301 to the path with a '/' behind it
        forbidden,
        notFound
    };
    Action action = Action::notFound;
    std::string scriptName; // of run: from the root, begins with '/'
    std::string file;       // of run: absolute
    std::string pathInfo;   // of run: empty if there is none
};

// path: decoded and normalised.
Decision decide(const Target &target, std::string_view path, FileSystem &files);

// What a Location may carry of a decoded path: everything else becomes %XX.
std::string percentEncoded(std::string_view path);

} // namespace patchbay::php
