// Process "main": the files of Unix sockets. One that nobody listens on any more is replaced, one
// that somebody else has put in the place of ours is not removed.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <string>

namespace patchbay::main_ {

// bind(); 0 or errno. A socket file gets the mode that the descriptor has (fchmod() before): there
// is no moment with another one, and no path that somebody could have replaced before a chmod().
// replace: the path of a file that may be replaced if it is a socket that nobody listens on; empty:
// none may.
int bindSocket(int fd, const sockaddr *address, socklen_t size, const std::string &replace);

// Which file it was that we made.
class SocketFile {
public:
    SocketFile() = default;
    // The file that is there now.
    explicit SocketFile(const std::string &path);

    // Only that one: somebody may have put another one there. Afterwards there is none.
    void remove() noexcept;

private:
    std::string path_; // empty: none
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

} // namespace patchbay::main_
