// [control] The control socket: accepts clients, as many as there is room for.
#pragma once

#include "router/api/connection.hpp"

#include <list>
#include <memory>
#include <vector>

#include <sys/types.h>

namespace patchbay::api {

class Server {
public:
    // listener: listening, non-blocking or not; the caller keeps it open. users: who may connect,
    // by uid; empty: whoever the socket's file lets in (a socket without a file has no such guard).
    Server(control::ControlLoop &loop, int listener, std::vector<uid_t> users,
           Connection::Handler handle, Connection::Patience patience = {});
    ~Server();
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

    std::size_t clients() const noexcept { return clients_.size(); }

private:
    void acceptable();
    void admit(UniqueFd fd);
    bool makeRoom();
    void pause();
    void ended(Connection &connection);

    control::ControlLoop &loop_;
    int listener_;
    std::vector<uid_t> users_;
    Connection::Handler handle_;
    Connection::Patience patience_;
    Budget budget_;
    std::list<std::shared_ptr<Connection>> clients_; // oldest first
    control::ControlLoop::TimerId paused_ = 0;
};

} // namespace patchbay::api
