// One generation of the configuration, immutable. Built on [control]; counted by "current" and by
// each live Binding (seed S04); destroyed on [control] whoever lets go last (seed S05).
#pragma once

#include "base/unique_fd.hpp"
#include "module/instance.hpp"
#include "router/app/application.hpp"
#include "router/http/settings.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace patchbay::config {

// A listening descriptor, shared by generations that name the same address (seed S24). It is closed
// when no configuration in effect names it and every engine has let go; at the latest with the last
// generation, and then `onClose` tells main to close its own.
class ListenSocket {
public:
    ListenSocket(UniqueFd fd, std::string canonical, int family, std::function<void()> onClose);
    ~ListenSocket();
    ListenSocket(const ListenSocket &) = delete;
    ListenSocket &operator=(const ListenSocket &) = delete;

    // [control] Now, although old generations may live on: no engine listens on it any more (S35).
    // The caller tells main.
    void close() noexcept;

    int fd() const noexcept { return fd_.get(); }                        // -1: closed
    const std::string &canonical() const noexcept { return canonical_; } // "0.0.0.0:80"
    int family() const noexcept { return family_; } // AF_INET, AF_INET6, AF_UNIX

private:
    UniqueFd fd_;
    std::string canonical_;
    int family_;
    std::function<void()> onClose_;
};

// A listener of one generation: where requests arrive and where they go.
struct Listener {
    std::string address; // as written in the configuration
    std::shared_ptr<ListenSocket> socket;
    std::shared_ptr<modules::ListenerInstance> module;
    std::shared_ptr<app::Application> application;
    std::uint32_t target = 0; // of it, as pb_request has it
};

struct ConfigSnapshot {
    std::uint64_t generation = 0;
    http::Settings http;
    std::string serverField; // value of Server: "Patchbay/0.1.0" or without the version
    std::uint32_t engines = 1;
    std::vector<Listener> listeners;
    std::vector<std::shared_ptr<app::Application>> applications;
    std::vector<std::shared_ptr<modules::SinkInstance>> sinks;
};

using SnapshotPtr = std::shared_ptr<const ConfigSnapshot>;

// What a generation still has, on one engine or on all.
struct GenerationUse {
    std::uint64_t generation = 0;
    std::uint32_t bindings = 0;
    std::uint32_t connections = 0; // with a request in progress
    std::uint32_t requests = 0;    // of these, at an application
};

} // namespace patchbay::config
