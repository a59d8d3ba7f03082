// Used by patchbayd.cpp at start and end, and by supervisor.cpp when the log is reopened.
#include "main/files.hpp"

#include "base/error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace patchbay::main_ {
namespace {

std::string because(const char *what, const std::string &path, const char *verb, int number)
{
    return "The " + std::string(what) + " \"" + path + "\" cannot be " + verb + ": " +
           errnoText(number) + ".";
}

// One level; parents exist.
void makeOne(const std::string &path, mode_t mode)
{
    mode_t before = umask(0); // main has one thread
    int error = mkdir(path.c_str(), mode) == 0 ? 0 : errno;
    umask(before);
    struct stat status {};
    if (error != 0 && (error != EEXIST || stat(path.c_str(), &status) != 0)) {
        throw Error(because("directory", path, "created", error));
    }
    if (error == EEXIST && !S_ISDIR(status.st_mode)) {
        throw Error(because("directory", path, "created", ENOTDIR));
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

void LogFile::open()
{
    int special = standardDescriptor(path_);
    if (special >= 0) {
        // Not opened by name: it may be a socket, or another user's terminal.
        if (special != STDERR_FILENO && dup2(special, STDERR_FILENO) < 0) {
            throw Error(because("log file", path_, "opened", errno));
        }
        return;
    }
    makeParents(path_);
    UniqueFd file(
        ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
    if (!file || dup2(file.get(), STDERR_FILENO) < 0) {
        throw Error(because("log file", path_, "opened", errno));
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
        throw Error(because("pid file", path_, "written", errno));
    }
}

// false: somebody removed the file between our open() and flock(); once more.
bool PidFile::lockCurrent()
{
    fd_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0644));
    if (!fd_) {
        throw Error(because("pid file", path_, "opened", errno));
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
