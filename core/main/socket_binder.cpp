// Asked by the router through supervisor.cpp; nothing of it runs any module's code.
#include "main/socket_binder.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "patchbay/abi.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace patchbay::main_ {
namespace {

constexpr std::uint32_t kKnownFlags = PB_SOCKET_V6ONLY | PB_SOCKET_NODELAY | PB_SOCKET_UNLINK;
constexpr std::size_t kMaxCanonical = sizeof(pb_socket_spec::canonical) - 1;

sa_family_t familyOf(const std::string &address)
{
    sa_family_t family = AF_UNSPEC;
    if (address.size() >= sizeof family) {
        std::memcpy(&family, address.data(), sizeof family);
    }
    return family;
}

bool validSize(const std::string &address)
{
    switch (familyOf(address)) {
    case AF_INET:
        return address.size() == sizeof(sockaddr_in);
    case AF_INET6:
        return address.size() == sizeof(sockaddr_in6);
    case AF_UNIX:
        return address.size() > offsetof(sockaddr_un, sun_path) &&
               address.size() <= sizeof(sockaddr_un);
    default:
        return false;
    }
}

// It is printed in log lines as well.
bool validName(const std::string &canonical)
{
    return !canonical.empty() && canonical.size() <= kMaxCanonical &&
           std::all_of(canonical.begin(), canonical.end(),
                       [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; });
}

bool valid(const SocketRequest &request)
{
    return request.type == SOCK_STREAM && (request.flags & ~kKnownFlags) == 0 &&
           request.backlog >= -1 && request.mode <= 0777 && validName(request.canonical) &&
           validSize(request.address);
}

// The path of a socket file; empty for other families and for abstract names.
std::string pathOf(const std::string &address)
{
    if (familyOf(address) != AF_UNIX) {
        return {};
    }
    const char *path = address.data() + offsetof(sockaddr_un, sun_path);
    return {path, strnlen(path, address.size() - offsetof(sockaddr_un, sun_path))};
}

// Addresses are bytes from the wire; the system call wants them aligned.
struct Address {
    sockaddr_storage storage{};
    socklen_t size;

    explicit Address(const std::string &bytes) : size(static_cast<socklen_t>(bytes.size()))
    {
        std::memcpy(&storage, bytes.data(), bytes.size());
    }
    const sockaddr *get() const { return reinterpret_cast<const sockaddr *>(&storage); }
};

// The backslashes are part of the line that tools look for (daemon.md 5).
int failed(const char *call, const SocketRequest &request, int number)
{
    log::alert("%s(\\\"%s\\\") failed (%d: %s)", call, request.canonical.c_str(), number,
               errnoText(number).c_str());
    return number;
}

int setOption(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

// 0 or errno.
int configure(int fd, const SocketRequest &request)
{
    sa_family_t family = familyOf(request.address);
    bool failure = false;
    if (family == AF_INET || family == AF_INET6) {
        failure = setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0;
        if (family == AF_INET6) {
            int only = (request.flags & PB_SOCKET_V6ONLY) != 0 ? 1 : 0;
            failure = failure || setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, only) != 0;
        }
        if ((request.flags & PB_SOCKET_NODELAY) != 0) {
            failure = failure || setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1) != 0;
        }
    } else {
        failure = fchmod(fd, request.mode) != 0;
    }
    return failure ? failed("setsockopt", request, errno) : 0;
}

int bindTo(int fd, const SocketRequest &request)
{
    Address address(request.address);
    bool replace = (request.flags & PB_SOCKET_UNLINK) != 0;
    int error = bindSocket(fd, address.get(), address.size, replace ? pathOf(request.address) : "");
    return error == 0 ? 0 : failed("bind", request, error);
}

} // namespace

int SocketBinder::open(const SocketRequest &request, int &error)
{
    error = 0;
    if (!valid(request)) {
        log::alert("the router asked for a socket that cannot be");
        error = EINVAL;
        return -1;
    }
    auto known = sockets_.find(request.canonical);
    if (known != sockets_.end()) {
        // Another address under a known name would be a defect of the router.
        error = known->second.address != request.address ? EINVAL : 0;
        if (error == 0 && listen(known->second.fd.get(), request.backlog) != 0) {
            error = failed("listen", request, errno);
        }
        known->second.claimed = true;
        return error == 0 ? known->second.fd.get() : -1;
    }
    Socket socket;
    error = make(request, socket);
    if (error != 0) {
        return -1;
    }
    int fd = socket.fd.get();
    sockets_.emplace(request.canonical, std::move(socket));
    return fd;
}

// 0 or errno.
int SocketBinder::make(const SocketRequest &request, Socket &result)
{
    result.address = request.address;
    result.fd.reset(
        ::socket(familyOf(request.address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!result.fd) {
        return failed("socket", request, errno);
    }
    int error = configure(result.fd.get(), request);
    if (error == 0) {
        error = bindTo(result.fd.get(), request);
    }
    if (error != 0) {
        return error;
    }
    if ((request.flags & PB_SOCKET_UNLINK) != 0) {
        result.file = SocketFile(pathOf(request.address));
    }
    if (listen(result.fd.get(), request.backlog) != 0) {
        error = failed("listen", request, errno);
        result.file.remove();
    }
    return error;
}

void SocketBinder::close(std::string_view canonical)
{
    auto found = sockets_.find(canonical);
    if (found != sockets_.end()) {
        found->second.file.remove();
        sockets_.erase(found);
    }
}

void SocketBinder::forgetClaims() noexcept
{
    for (auto &[name, socket] : sockets_) {
        socket.claimed = false;
    }
}

void SocketBinder::closeUnclaimed()
{
    for (auto it = sockets_.begin(); it != sockets_.end();) {
        auto current = it++;
        if (!current->second.claimed) {
            current->second.file.remove();
            sockets_.erase(current);
        }
    }
}

void SocketBinder::closeDescriptors() noexcept
{
    for (auto &[name, socket] : sockets_) {
        socket.fd.reset();
    }
}

void SocketBinder::closeAll()
{
    for (auto &[name, socket] : sockets_) {
        socket.file.remove();
    }
    sockets_.clear();
}

} // namespace patchbay::main_
