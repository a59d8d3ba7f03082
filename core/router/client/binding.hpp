// A listener of one configuration generation, on one engine. Counted by its acceptor and by each
// connection with a request in flight, and so keeps snapshot, application and settings alive: a
// plain integer, because only one thread ever touches it (seed S04, S05). Process router, [engine].
#pragma once

#include "router/app/app_link.hpp"
#include "router/config/config_snapshot.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace patchbay::client {

struct BindingTag;

struct Binding : public engine::ListNode<BindingTag> { // in its engine's list of all
    Binding(config::SnapshotPtr from, const config::Listener &of, app::AppLink &to) noexcept
        : snapshot(std::move(from)), listener(&of), link(&to)
    {
        // From its first byte on a request counts for [control], which lets the workers of a
        // replaced application go when nothing is in flight.
        link->application().inFlight.fetch_add(1, std::memory_order_relaxed);
        link->application().bindings.fetch_add(1, std::memory_order_relaxed);
    }
    ~Binding()
    {
        link->application().bindings.fetch_sub(1, std::memory_order_relaxed);
        link->application().inFlight.fetch_sub(1, std::memory_order_acq_rel);
    }
    Binding(const Binding &) = delete;
    Binding &operator=(const Binding &) = delete;

    config::SnapshotPtr snapshot; // let go on the engine; its deleter brings it to [control]
    const config::Listener *listener;
    app::AppLink *link;
    std::string serverPort;   // empty on a unix socket
    std::string localAddress; // empty: wildcard, ask the connection
    std::uint32_t localPort = 0;
    std::uint32_t references = 0;

    const http::Settings &http() const noexcept { return snapshot->http; }
    std::uint64_t generation() const noexcept { return snapshot->generation; }
};

class BindingRef {
public:
    BindingRef() noexcept = default;
    explicit BindingRef(Binding *binding) noexcept : binding_(binding) { grab(); }
    BindingRef(const BindingRef &other) noexcept : binding_(other.binding_) { grab(); }
    BindingRef(BindingRef &&other) noexcept : binding_(std::exchange(other.binding_, nullptr)) {}
    BindingRef &operator=(BindingRef other) noexcept
    {
        std::swap(binding_, other.binding_);
        return *this;
    }
    ~BindingRef()
    {
        if (binding_ != nullptr && --binding_->references == 0) {
            delete binding_;
        }
    }
    Binding *get() const noexcept { return binding_; }
    Binding *operator->() const noexcept { return binding_; }
    Binding &operator*() const noexcept { return *binding_; }
    explicit operator bool() const noexcept { return binding_ != nullptr; }
    void reset() noexcept { *this = BindingRef(); }

private:
    void grab() noexcept
    {
        if (binding_ != nullptr) {
            binding_->references++;
        }
    }
    Binding *binding_ = nullptr;
};

} // namespace patchbay::client
