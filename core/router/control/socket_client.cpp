// [control] See socket_client.hpp. Called by snapshot_builder; main/socket_binder answers.
#include "router/control/socket_client.hpp"

#include "base/log.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace patchbay::control {
namespace {

struct Endpoint {
    int family = 0;
    in_port_t port = 0;
    bool wildcard = false;
};

Endpoint endpointOf(const pb_socket_spec &spec)
{
    if (spec.address.ss_family == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, &spec.address, sizeof address);
        return {AF_INET, address.sin_port, address.sin_addr.s_addr == htonl(INADDR_ANY)};
    }
    if (spec.address.ss_family == AF_INET6) {
        sockaddr_in6 address{};
        std::memcpy(&address, &spec.address, sizeof address);
        return {AF_INET6, address.sin6_port, IN6_IS_ADDR_UNSPECIFIED(&address.sin6_addr) != 0};
    }
    return {};
}

} // namespace

SocketClient::SocketClient(ControlLoop &loop, MainLink &main)
    : loop_(loop), main_(main), self_(std::make_shared<SocketClient *>(this))
{
}

SocketPtr SocketClient::adopt(const pb_socket_spec &spec, UniqueFd fd)
{
    std::string canonical = spec.canonical;
    std::weak_ptr<SocketClient *> weak = self_;
    auto onClose = [&loop = loop_, weak, canonical] {
        loop.post([weak, canonical] {
            if (auto self = weak.lock()) {
                (*self)->closed(canonical);
            }
        });
    };
    SocketPtr socket = pool_.acquire(canonical, [&] {
        return std::make_shared<config::ListenSocket>(std::move(fd), canonical,
                                                      spec.address.ss_family, onClose);
    });
    specs_.insert_or_assign(canonical, spec);
    return socket;
}

// The last user of a socket is gone, maybe on another thread and a while ago: by now the address
// may have been opened again, and main must keep that one.
void SocketClient::closed(const std::string &canonical)
{
    if (pool_.find(canonical) == nullptr && !opening_.contains(canonical) &&
        specs_.erase(canonical) > 0) {
        main_.closeSocket(canonical);
    }
}

SocketClient::Batch::Batch(SocketClient &client, std::vector<pb_socket_spec> specs)
    : client_(client), specs_(std::move(specs)), sockets_(specs_.size())
{
    for (const pb_socket_spec &spec : specs_) {
        names_.insert(spec.canonical);
    }
}

SocketClient::Batch::~Batch()
{
    restore();
}

// Asks main for specs_[which...], waits for all answers; the errno of each.
std::vector<int> SocketClient::Batch::request(const std::vector<std::size_t> &which)
{
    // Outlives this frame when the wait is interrupted and answers come later.
    struct State {
        std::vector<int> errors;
        std::vector<UniqueFd> fds;
        std::size_t left;
    };
    auto state = std::make_shared<State>();
    state->errors.resize(which.size());
    state->fds.resize(which.size());
    state->left = which.size();
    for (std::size_t i = 0; i < which.size(); i++) {
        client_.opening_.insert(specs_[which[i]].canonical);
        client_.main_.openSocket(specs_[which[i]], [state, i](int error, UniqueFd socket) {
            state->errors[i] = error;
            state->fds[i] = std::move(socket);
            state->left--;
        });
    }
    bool answered = client_.loop_.runUntil([&] { return state->left == 0; });
    for (std::size_t i = 0; i < which.size(); i++) {
        client_.opening_.erase(specs_[which[i]].canonical);
        if (answered && state->errors[i] == 0) {
            sockets_[which[i]] = client_.adopt(specs_[which[i]], std::move(state->fds[i]));
        }
    }
    if (!answered) {
        throw Stopping();
    }
    return state->errors;
}

std::vector<SocketFailure> SocketClient::Batch::open()
{
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < specs_.size(); i++) {
        sockets_[i] = client_.pool_.find(specs_[i].canonical);
        if (!sockets_[i]) {
            missing.push_back(i);
        }
    }
    std::vector<int> errors = request(missing);
    std::vector<SocketFailure> failures;
    for (std::size_t i = 0; i < missing.size(); i++) {
        if (errors[i] == EADDRINUSE && inTheWay(missing[i]) != nullptr) {
            blocked_.push_back(missing[i]);
        } else if (errors[i] != 0) {
            failures.push_back({missing[i], errors[i]});
        }
    }
    return failures;
}

// A socket of ours that this configuration does not name and that shares its port with
// specs_[index], one of the two being the wildcard. Those displaced already do not count.
SocketPtr SocketClient::Batch::inTheWay(std::size_t index) const
{
    Endpoint wanted = endpointOf(specs_[index]);
    for (const auto &[canonical, spec] : client_.specs_) {
        Endpoint other = endpointOf(spec);
        bool moved = std::any_of(displaced_.begin(), displaced_.end(),
                                 [&canonical = canonical](const Displaced &pair) {
                                     return canonical == pair.old->canonical();
                                 });
        if (!names(canonical) && !moved && wanted.family != 0 && other.family == wanted.family &&
            other.port == wanted.port && other.wildcard != wanted.wildcard) {
            if (SocketPtr socket = client_.pool_.find(canonical)) {
                return socket;
            }
        }
    }
    return nullptr;
}

bool SocketClient::Batch::names(const std::string &canonical) const
{
    return names_.contains(canonical);
}

std::optional<SocketFailure> SocketClient::Batch::displace()
{
    for (std::size_t index : blocked_) {
        // Several specific addresses may make room for one wildcard. A socket that has been shut
        // down stays bound, so that listen() brings it back.
        while (SocketPtr old = inTheWay(index)) {
            ::shutdown(old->fd(), SHUT_RD);
            displaced_.push_back({old, index});
        }
        int error = request({index}).front();
        if (error != 0) {
            return SocketFailure{index, error};
        }
    }
    blocked_.clear();
    return std::nullopt;
}

void SocketClient::Batch::commit()
{
    displaced_.clear();
    for (auto known = client_.specs_.begin(); known != client_.specs_.end();) {
        if (names(known->first)) {
            ++known;
            continue;
        }
        if (SocketPtr unused = client_.pool_.find(known->first)) {
            unused->close();
            client_.pool_.forget(known->first);
        }
        client_.main_.closeSocket(known->first);
        known = client_.specs_.erase(known);
    }
    for (const pb_socket_spec &spec : specs_) {
        auto known = client_.specs_.find(spec.canonical);
        if (known != client_.specs_.end() && known->second.backlog != spec.backlog) {
            known->second.backlog = spec.backlog;
            client_.main_.openSocket(spec, [](int, const UniqueFd &) {});
        }
    }
}

void SocketClient::Batch::restore() noexcept
{
    for (const Displaced &pair : displaced_) {
        if (sockets_[pair.successor]) {
            ::shutdown(sockets_[pair.successor]->fd(), SHUT_RD);
        }
        auto spec = client_.specs_.find(pair.old->canonical());
        int backlog = spec == client_.specs_.end() ? -1 : spec->second.backlog;
        if (::listen(pair.old->fd(), backlog) != 0) {
            log::alert("listen(\"%s\") failed (%d: %s)", pair.old->canonical().c_str(), errno,
                       errnoText(errno).c_str());
        }
    }
}

} // namespace patchbay::control
