// Used by patchbayd.cpp at start and end, and by supervisor.cpp when the log is reopened.
#include "main/files.hpp"

#include "ipc/bundle.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>

namespace patchbay::main_ {
namespace {

// One level; parents exist.
void makeOne(const std::string &path, mode_t mode)
{
    mode_t before = umask(0); // main has one thread
    int error = mkdir(path.c_str(), mode) == 0 ? 0 : errno;
    umask(before);
    struct stat status {};
    if (error != 0 && (error != EEXIST || stat(path.c_str(), &status) != 0)) {
        throw FileError("directory", path, "created", error);
    }
    if (error == EEXIST && !S_ISDIR(status.st_mode)) {
        throw FileError("directory", path, "created", ENOTDIR);
    }
}

bool isDirectory(const std::string &path)
{
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// The descriptor a special name stands for; -1: an ordinary file.
int standardDescriptor(const std::string &path)
{
    if (path == "/dev/stderr" || path == "/proc/self/fd/2") {
        return STDERR_FILENO;
    }
    return path == "/dev/stdout" || path == "/proc/self/fd/1" ? STDOUT_FILENO : -1;
}

} // namespace

std::string absolutePath(const std::string &path)
{
    if (path.empty() || path[0] == '/') {
        return path;
    }
    std::error_code error;
    std::filesystem::path here = std::filesystem::current_path(error);
    return error ? path : (here / path).string();
}

FileError::FileError(const char *what, const std::string &path, const char *verb, int number)
    : FileError("The " + std::string(what) + " \"" + path + "\" cannot be " + verb + ": " +
                    errnoText(number) + ".",
                number)
{
}

UniqueFd openRegular(const char *what, const std::string &path)
{
    // Looked at first: opening a device may have effects, a fifo's open() may wait.
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
        throw FileError(what, path, "opened", errno);
    }
    UniqueFd file;
    if (S_ISREG(status.st_mode)) {
        file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
        if (!file) {
            throw FileError(what, path, "opened", errno);
        }
        if (fstat(file.get(), &status) != 0) {
            throw FileError(what, path, "read", errno);
        }
    }
    if (!S_ISREG(status.st_mode)) {
        throw FileError("The " + std::string(what) + " \"" + path + "\" is not a regular file.",
                        EINVAL);
    }
    return file;
}

UniqueFd readRegular(const char *what, const std::string &path, std::size_t limit)
{
    UniqueFd file = openRegular(what, path);
    try {
        return ipc::copyToMemfd(file.get(), "patchbay-text", limit);
    } catch (const SystemError &error) {
        if (error.number() != EFBIG) {
            throw FileError(what, path, "read", error.number());
        }
        throw FileError("The " + std::string(what) + " \"" + path + "\" is larger than " +
                            sizeText(limit) + ".",
                        EFBIG);
    }
}

std::vector<std::string> namesIn(const char *what, const std::string &directory)
{
    std::unique_ptr<DIR, int (*)(DIR *)> stream(opendir(directory.c_str()), closedir);
    if (!stream) {
        if (errno == ENOENT) {
            return {};
        }
        throw FileError(what, directory, "opened", errno);
    }
    std::vector<std::string> names;
    errno = 0;
    while (const dirent *entry = readdir(stream.get())) {
        std::string_view name = entry->d_name;
        if (name != "." && name != "..") {
            names.emplace_back(name);
        }
        errno = 0;
    }
    if (errno != 0) {
        throw FileError(what, directory, "read", errno);
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string sizeText(std::size_t bytes)
{
    std::size_t kib = bytes >> 10;
    return kib >> 10 != 0 ? std::to_string(kib >> 10) + " MiB" : std::to_string(kib) + " KiB";
}

void makeParents(const std::string &file)
{
    std::size_t slash = file.find_last_of('/');
    if (slash != std::string::npos && slash > 0) {
        makeDirectory(file.substr(0, slash), 0755);
    }
}

void makeDirectory(const std::string &path, mode_t mode)
{
    if (!isDirectory(path)) {
        makeParents(path);
        makeOne(path, mode);
    }
}

namespace {

constexpr int kLogFlags = O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;

// Whoever else has the end of a pipe or a terminal that we were started with shares its modes. One
// that we open ourselves never lets us wait. Not possible if it is somebody else's: we do without.
void reopenPipe()
{
    struct stat status {};
    if (fstat(STDERR_FILENO, &status) == 0 &&
        (S_ISFIFO(status.st_mode) || isatty(STDERR_FILENO) != 0)) {
        UniqueFd own(::open("/proc/self/fd/2", kLogFlags));
        if (own) {
            dup2(own.get(), STDERR_FILENO);
        }
    }
}

} // namespace

void LogFile::open()
{
    int special = standardDescriptor(path_);
    if (special >= 0) {
        // Not opened by name: it may be a socket, or another user's terminal.
        if (special != STDERR_FILENO && dup2(special, STDERR_FILENO) < 0) {
            throw FileError("log file", path_, "opened", errno);
        }
        reopenPipe();
        return;
    }
    makeParents(path_);
    // A pipe that nobody reads must not stop us, neither now nor later.
    UniqueFd file(::open(path_.c_str(), kLogFlags | O_CREAT, 0600));
    if (!file || dup2(file.get(), STDERR_FILENO) < 0) {
        throw FileError("log file", path_, "opened", errno);
    }
}

PidFile::PidFile(std::string path) : path_(std::move(path))
{
    makeParents(path_);
    while (!lockCurrent()) {
    }
    std::string text = std::to_string(getpid()) + "\n";
    if (fchmod(fd_.get(), 0644) != 0 || ftruncate(fd_.get(), 0) != 0 ||
        pwrite(fd_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        throw FileError("pid file", path_, "written", errno);
    }
}

// false: somebody removed the file between our open() and flock(); once more.
bool PidFile::lockCurrent()
{
    fd_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0644));
    if (!fd_) {
        throw FileError("pid file", path_, "opened", errno);
    }
    if (flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
        char text[32] = {};
        [[maybe_unused]] ssize_t size = pread(fd_.get(), text, sizeof text - 1, 0);
        throw Error("The pid file \"" + path_ + "\" belongs to process " +
                    std::to_string(std::strtol(text, nullptr, 10)) + ", which is running.");
    }
    struct stat ours {};
    struct stat current {};
    return fstat(fd_.get(), &ours) == 0 && stat(path_.c_str(), &current) == 0 &&
           ours.st_dev == current.st_dev && ours.st_ino == current.st_ino;
}

PidFile::~PidFile()
{
    struct stat ours {};
    struct stat current {};
    if (fstat(fd_.get(), &ours) == 0 && stat(path_.c_str(), &current) == 0 &&
        ours.st_dev == current.st_dev && ours.st_ino == current.st_ino) {
        unlink(path_.c_str());
    }
}

} // namespace patchbay::main_
