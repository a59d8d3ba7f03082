// Process "main": the files it keeps (daemon.md 2).
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace patchbay::main_ {

// What went wrong with a file: what() names it and says why, number() is the errno.
class FileError : public Error {
public:
    FileError(const std::string &text, int number) : Error(text), number_(number) {}
    // "The WHAT "PATH" cannot be VERB: REASON."
    FileError(const char *what, const std::string &path, const char *verb, int number);
    int number() const noexcept { return number_; }

private:
    int number_;
};

// Opens a regular file for reading. Never waits: other kinds of files are refused, not opened.
// what: "configuration file", for messages. Throws FileError.
UniqueFd openRegular(const char *what, const std::string &path);
// Its content as a sealed memfd; limit in bytes. Throws FileError, or SystemError for the memfd.
UniqueFd readRegular(const char *what, const std::string &path, std::size_t limit);

// The names in a directory but "." and "..", in byte order; none if it does not exist. Throws
// FileError.
std::vector<std::string> namesIn(const char *what, const std::string &directory);

// "32 MiB", "64 KiB": of a limit, for messages.
std::string sizeText(std::size_t bytes);

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
