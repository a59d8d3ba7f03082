// [control] See server.hpp. Before: main has bound the socket; after: connection.
#include "router/api/server.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace patchbay::api {
namespace {

constexpr std::size_t kMaxClients = 512;
constexpr std::size_t kMemory = 4 * ipc::kMaxConfigText; // of all request bodies
constexpr std::chrono::milliseconds kPause{500};

// Of a peer over TCP nothing is known.
std::uint32_t peerUid(int fd)
{
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size) != 0 ||
        address.ss_family != AF_UNIX) {
        return control::kUnknownUid;
    }
    ucred peer{};
    size = sizeof peer;
    return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.uid
                                                                        : control::kUnknownUid;
}

} // namespace

Server::Server(control::ControlLoop &loop, int listener, std::vector<uid_t> users,
               Connection::Handler handle, Connection::Patience patience)
    : loop_(loop), listener_(listener), users_(std::move(users)), handle_(std::move(handle)),
      patience_(patience), budget_{kMemory}
{
    loop_.watch(listener_, [this] { acceptable(); });
}

Server::~Server()
{
    loop_.cancel(paused_);
    loop_.unwatch(listener_);
}

void Server::acceptable()
{
    UniqueFd fd(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd) {
        admit(std::move(fd));
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        log::alert("control socket: accept4() failed (%d: %s)", errno, errnoText(errno).c_str());
        pause();
    }
}

// No descriptor is free: asking again at once would only spin.
void Server::pause()
{
    loop_.unwatch(listener_);
    paused_ = loop_.after(kPause, [this] {
        paused_ = 0;
        loop_.watch(listener_, [this] { acceptable(); });
    });
}

void Server::admit(UniqueFd fd)
{
    std::uint32_t uid = peerUid(fd.get());
    if (!users_.empty() && std::find(users_.begin(), users_.end(), uid) == users_.end()) {
        log::warn("control socket: user %u may not connect", uid);
        return;
    }
    if (!makeRoom()) {
        log::warn("control socket: %zu clients wait for their answers, there is no room for more",
                  clients_.size());
        return;
    }
    auto connection = std::make_shared<Connection>(
        Connection::Surroundings{loop_, budget_, handle_, [this](Connection &over) { ended(over); },
                                 patience_},
        std::move(fd), uid);
    clients_.push_back(connection);
    connection->start();
}

// Clients that say nothing, or do not listen, cannot keep others out. One whose change is being
// made stays.
bool Server::makeRoom()
{
    using State = Connection::State;
    if (clients_.size() < kMaxClients) {
        return true;
    }
    for (State state : {State::lingering, State::head, State::body, State::writing}) {
        auto found = std::find_if(clients_.begin(), clients_.end(),
                                  [state](const auto &client) { return client->state() == state; });
        if (found != clients_.end()) {
            if (state != State::lingering) {
                log::warn("control socket: %zu clients, one that is slow is disconnected",
                          clients_.size());
            }
            std::shared_ptr<Connection> slow = *found;
            slow->end();
            return true;
        }
    }
    return false;
}

void Server::ended(Connection &connection)
{
    auto found = std::find_if(clients_.begin(), clients_.end(),
                              [&](const auto &client) { return client.get() == &connection; });
    if (found == clients_.end()) {
        return;
    }
    // It is calling us: it ends after that.
    loop_.post([over = *found] {});
    clients_.erase(found);
}

} // namespace patchbay::api
