// Process "main", which alone may bind: the listening sockets, by canonical name. They outlive the
// router, so that a new one goes on with the same sockets (seed S24, S25; P11).
#pragma once

#include "base/unique_fd.hpp"
#include "main/socket_file.hpp"

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace patchbay::main_ {

// What the router asks for in openSocket. From a less privileged process: checked before use.
struct SocketRequest {
    std::uint32_t flags = 0; // enum pb_socket_flags
    std::uint32_t type = 0;
    std::int32_t backlog = -1;
    std::uint32_t mode = 0666; // of a socket file
    std::string canonical;
    std::string address; // sockaddr bytes
};

class SocketBinder {
public:
    SocketBinder() = default;
    ~SocketBinder() { closeAll(); }
    SocketBinder(const SocketBinder &) = delete;
    SocketBinder &operator=(const SocketBinder &) = delete;

    // A listening descriptor, which stays ours, or -1 and errno in `error`. A name known already
    // gives the same socket, listening with the new backlog (C11).
    int open(const SocketRequest &request, int &error);
    // Removes the socket file, too. Unknown names are ignored.
    void close(std::string_view canonical);

    // A new router: nothing is claimed until it asks again.
    void forgetClaims() noexcept;
    // Closes what the new router did not ask for.
    void closeUnclaimed();
    // The daemon ends: no new client may come in by our copies; files stay until closeAll().
    void closeDescriptors() noexcept;
    void closeAll();
    std::size_t count() const noexcept { return sockets_.size(); }

private:
    struct Socket {
        UniqueFd fd;
        std::string address;
        SocketFile file; // to remove; none if others made it
        bool claimed = true;
    };

    static int make(const SocketRequest &request, Socket &result);

    std::map<std::string, Socket, std::less<>> sockets_;
};

} // namespace patchbay::main_
