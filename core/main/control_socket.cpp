// Made by daemon.cpp before anything is forked; given to each router by router_process.cpp.
#include "main/control_socket.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "main/files.hpp"
#include "worker/credentials.hpp"

#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace patchbay::main_ {
namespace {

constexpr auto kUnchanged = static_cast<uid_t>(-1);

template <typename Id>
Id idOf(Id (*resolve)(const std::string &), const std::string &name, const char *option)
{
    try {
        return name.empty() ? static_cast<Id>(kUnchanged) : resolve(name);
    } catch (const Error &error) {
        throw Error(std::string(option) + ": " + error.what());
    }
}

bool isSocket(const std::string &path)
{
    struct stat status {};
    return lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

} // namespace

ControlSocket::ControlSocket(ControlAddress address, const Access &access)
    : address_(std::move(address)),
      fd_(socket(address_.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
{
    if (!fd_) {
        fail("socket", errno);
    }
    // An abstract name has no owner and no mode: those who may are told by their credentials.
    if (address_.kind == ControlAddress::Kind::abstract) {
        users_ = {0, getuid()};
        if (!access.user.empty()) {
            users_.push_back(idOf(worker::userId, access.user, "--control-user"));
        }
    }
    if (address_.kind == ControlAddress::Kind::file) {
        bindFile(access);
    } else {
        bindOther();
    }
    if (listen(fd_.get(), SOMAXCONN) != 0) {
        int number = errno;
        file_.remove();
        fail("listen", number);
    }
}

// Until listen() nobody can connect, so the order of mode and owner gives nobody a chance.
void ControlSocket::bindFile(const Access &access)
{
    uid_t user = idOf(worker::userId, access.user, "--control-user");
    gid_t group = idOf(worker::groupId, access.group, "--control-group");
    makeParents(address_.path);
    if (fchmod(fd_.get(), access.mode) != 0) {
        fail("fchmod", errno);
    }
    int error = bindSocket(fd_.get(), address_.get(), address_.size, address_.path);
    if (error == EADDRINUSE && isSocket(address_.path)) {
        throw Error("connect(" + address_.text + ") socket already in use");
    }
    if (error != 0) {
        fail("bind", error);
    }
    file_ = SocketFile(address_.path);
    if ((user != kUnchanged || group != kUnchanged) &&
        lchown(address_.path.c_str(), user, group) != 0) {
        int number = errno;
        file_.remove();
        fail("chown", number);
    }
}

void ControlSocket::bindOther()
{
    int on = 1;
    if (address_.kind == ControlAddress::Kind::tcp) {
        setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (address_.storage.ss_family == AF_INET6) {
        setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    int error = bindSocket(fd_.get(), address_.get(), address_.size, "");
    if (error != 0) {
        fail("bind", error);
    }
    if (address_.kind == ControlAddress::Kind::tcp) {
        log::warn("the control socket %s has no authentication: everybody who can reach it "
                  "controls this server",
                  address_.text.c_str());
    }
}

void ControlSocket::fail(const char *call, int number) const
{
    throw SystemError(std::string(call) + "(\"" + address_.text + "\")", number);
}

} // namespace patchbay::main_
