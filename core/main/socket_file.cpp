// Used by socket_binder.cpp (listeners) and control_socket.cpp.
#include "main/socket_file.hpp"

#include "base/log.hpp"
#include "base/unique_fd.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace patchbay::main_ {
namespace {

// Is it a socket file that nobody listens on any more (C10)?
bool isAbandoned(const std::string &path, const sockaddr *address, socklen_t size)
{
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return false;
    }
    UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return probe && connect(probe.get(), address, size) != 0 && errno == ECONNREFUSED;
}

int bindOnce(int fd, const sockaddr *address, socklen_t size)
{
    mode_t before = umask(0); // main has one thread
    int result = bind(fd, address, size) == 0 ? 0 : errno;
    umask(before);
    return result;
}

} // namespace

int bindSocket(int fd, const sockaddr *address, socklen_t size, const std::string &replace)
{
    int error = bindOnce(fd, address, size);
    if (error == EADDRINUSE && !replace.empty() && isAbandoned(replace, address, size)) {
        log::notice("nobody listens on \"%s\" any more: it is replaced", replace.c_str());
        unlink(replace.c_str());
        error = bindOnce(fd, address, size);
    }
    return error;
}

SocketFile::SocketFile(const std::string &path)
{
    struct stat status {};
    if (lstat(path.c_str(), &status) == 0) {
        path_ = path;
        device_ = status.st_dev;
        inode_ = status.st_ino;
    }
}

void SocketFile::remove() noexcept
{
    struct stat status {};
    if (!path_.empty() && lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
        status.st_ino == inode_) {
        unlink(path_.c_str());
    }
    path_.clear();
}

} // namespace patchbay::main_
