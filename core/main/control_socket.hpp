// Process "main": the listening socket of the control API. Main has it for as long as it lives, so
// that it outlives the router, which accepts on a copy of its own and serves (daemon.md 2).
#pragma once

#include "base/control_address.hpp"
#include "base/unique_fd.hpp"
#include "main/socket_file.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace patchbay::main_ {

class ControlSocket {
public:
    struct Access {
        mode_t mode = 0600;      // of a socket file
        std::string user, group; // its owner; empty: as it comes
    };

    // Binds and listens. Directories above a socket file are created, a file that nobody listens on
    // is replaced. Nobody can connect before mode and owner are right. Throws Error.
    ControlSocket(ControlAddress address, const Access &access);
    ~ControlSocket() { file_.remove(); }
    ControlSocket(const ControlSocket &) = delete;
    ControlSocket &operator=(const ControlSocket &) = delete;

    int fd() const noexcept { return fd_.get(); }
    const std::string &address() const noexcept { return address_.text; }
    // Whom the router must let in, by peer credentials; empty: whoever could connect.
    const std::vector<uid_t> &users() const noexcept { return users_; }

    // The daemon ends: nobody waits for an answer of ours. The file stays until the end.
    void closeDescriptor() noexcept { fd_.reset(); }

private:
    void bindFile(const Access &access);
    void bindOther();
    [[noreturn]] void fail(const char *call, int number) const;

    ControlAddress address_;
    UniqueFd fd_;
    SocketFile file_;
    std::vector<uid_t> users_;
};

} // namespace patchbay::main_
