// A listening socket on one engine: accepts, and holds the Binding that new requests on its
// connections get. Stays alive, closed, while connections accepted from it are open. Process
// router, [engine]. Before it: the kernel. After it: connection.
#pragma once

#include "router/client/binding.hpp"
#include "router/engine/engine.hpp"

#include <sys/socket.h>

#include <memory>

namespace patchbay::client {

struct EngineContext;

class Acceptor final : public engine::EventHandler, private engine::Timer {
public:
    // Counted by Listeners and by its connections; a plain integer.
    Acceptor(EngineContext &context, std::shared_ptr<config::ListenSocket> socket)
        : context_(context), socket_(std::move(socket))
    {
    }

    bool open(); // false: the kernel refuses to poll it; logged
    void rebind(BindingRef binding) noexcept { binding_ = std::move(binding); } // S34
    // Takes what the kernel has accepted for us already, then stops polling (S35).
    void close();

    bool isOpen() const noexcept { return open_; }
    const config::ListenSocket *socket() const noexcept { return socket_.get(); }
    const BindingRef &binding() const noexcept { return binding_; }
    int family() const noexcept { return family_; }

    void grab() noexcept { references_++; }
    void drop() noexcept
    {
        if (--references_ == 0) {
            delete this;
        }
    }

private:
    ~Acceptor() = default;
    void onEvents(std::uint32_t) override { acceptSome(kPerTurn); }
    void onTimer() override;
    bool acceptSome(std::size_t limit); // false: nothing more there
    bool poll() noexcept;
    void pause(int error);

    static constexpr std::size_t kPerTurn = 16; // the other engines want some too

    EngineContext &context_;
    std::shared_ptr<config::ListenSocket> socket_;
    BindingRef binding_;
    std::uint32_t references_ = 1;
    int family_ = AF_UNSPEC;
    bool open_ = false;
    bool paused_ = false;
    bool complained_ = false;
};

} // namespace patchbay::client
