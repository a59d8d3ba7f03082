// Process "main": the files it keeps (daemon.md 2).
#pragma once

#include "base/unique_fd.hpp"

#include <sys/types.h>

#include <string>

namespace patchbay::main_ {

// Creates the directories above `file` that are missing, 0755. Throws Error.
void makeParents(const std::string &file);
// Creates the directory itself, with this mode, and its parents. Throws Error.
void makeDirectory(const std::string &path, mode_t mode);
// From the daemon's working directory, as long as that is the one the user meant.
std::string absolutePath(const std::string &path);

// The event log. /dev/stderr and /dev/stdout mean the descriptor that main was started with.
class LogFile {
public:
    explicit LogFile(std::string path) : path_(std::move(path)) {}

    // Opens it (appends, 0600) and puts it on descriptor 2; again after the file was moved away.
    // Throws Error; the log stays as it was then.
    void open();

private:
    std::string path_;
};

// "PID\n", locked while we live: a second daemon on the same file is refused, a file that a crash
// left behind is not in the way.
class PidFile {
public:
    explicit PidFile(std::string path); // throws Error
    ~PidFile();                         // removes it
    PidFile(const PidFile &) = delete;
    PidFile &operator=(const PidFile &) = delete;

private:
    bool lockCurrent();

    std::string path_;
    UniqueFd fd_;
};

} // namespace patchbay::main_
