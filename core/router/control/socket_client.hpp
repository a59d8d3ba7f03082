// [control] The listening sockets of the router: one per address, shared by the generations that
// name it, opened by main (seed S24, S25).
#pragma once

#include "base/error.hpp"
#include "router/config/config_snapshot.hpp"
#include "router/config/usage_pool.hpp"
#include "router/control/control_loop.hpp"
#include "router/control/main_link.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace patchbay::control {

using SocketPtr = std::shared_ptr<config::ListenSocket>;

// Address `index` of the list could not be opened.
struct SocketFailure {
    std::size_t index;
    int error; // errno
};

class SocketClient {
public:
    SocketClient(ControlLoop &loop, MainLink &main);

    // The sockets of one configuration to be. Going out of scope before commit() undoes everything.
    class Batch {
    public:
        Batch(SocketClient &client, std::vector<pb_socket_spec> specs);
        ~Batch();
        Batch(const Batch &) = delete;
        Batch &operator=(const Batch &) = delete;

        // Opens what is not open yet and waits for it; what failed, in the order of the specs. An
        // address that is in use only because a wildcard and a specific address of one port take
        // turns (C8) is left for displace().
        std::vector<SocketFailure> open();
        // Last step before engines switch: closes those sockets and opens their successors; ends
        // with the first failure.
        std::optional<SocketFailure> displace();
        // In the order of the specs; null where it failed, complete after displace().
        const std::vector<SocketPtr> &sockets() const noexcept { return sockets_; }
        // Every engine has switched: sockets that this configuration does not name are closed, here
        // and in main (S35), a changed backlog is set (C11), nothing is undone.
        void commit();

    private:
        struct Displaced {
            SocketPtr old;
            std::size_t successor;
        };
        std::vector<int> request(const std::vector<std::size_t> &which);
        SocketPtr inTheWay(std::size_t index) const;
        bool names(const std::string &canonical) const;
        void restore() noexcept;

        SocketClient &client_;
        std::vector<pb_socket_spec> specs_;
        std::unordered_set<std::string> names_; // canonical, of specs_
        std::vector<SocketPtr> sockets_;
        std::vector<std::size_t> blocked_;
        std::vector<Displaced> displaced_;
    };

    std::size_t open() const { return pool_.inUse(); }

private:
    SocketPtr adopt(const pb_socket_spec &spec, UniqueFd fd);
    void closed(const std::string &canonical);

    ControlLoop &loop_;
    MainLink &main_;
    config::UsagePool<config::ListenSocket> pool_;
    std::map<std::string, pb_socket_spec> specs_; // of open sockets, as main knows them
    std::set<std::string> opening_;               // asked for, not answered
    std::shared_ptr<SocketClient *> self_;        // sockets may outlive us
};

} // namespace patchbay::control
