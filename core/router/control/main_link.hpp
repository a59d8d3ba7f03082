// [control] What the router asks of process main, which alone may bind and start processes. Answers
// come later, on [control], never from within the call.
#pragma once

#include "base/unique_fd.hpp"
#include "ipc/channel.hpp"
#include "patchbay/abi.h"

#include <sys/types.h>

#include <functional>
#include <string>

namespace patchbay::control {

class MainLink {
public:
    using SocketOpened = std::function<void(int error, UniqueFd socket)>;
    using PrototypeStarted = std::function<void(int error, pid_t pid, ipc::Channel channel)>;

    MainLink() = default;
    MainLink(const MainLink &) = delete;
    MainLink &operator=(const MainLink &) = delete;
    virtual ~MainLink() = default;

    // Binds and listens; for an address that main has open already, listens again with the given
    // backlog and hands out the same socket.
    virtual void openSocket(const pb_socket_spec &spec, SocketOpened answer) = 0;
    virtual void closeSocket(const std::string &canonical) = 0;
    // start: an ApplicationStart blob (ipc/message.hpp). standardError: becomes descriptor 2 of the
    // application's processes; borrowed.
    virtual void startPrototype(const std::string &name, const std::string &start,
                                int standardError, PrototypeStarted answer) = 0;
};

} // namespace patchbay::control
