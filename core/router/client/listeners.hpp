// The listeners of one engine. Process router, [engine]. Before it: control/reconfigure hands over
// a snapshot. After it: acceptor.
#pragma once

#include "router/client/acceptor.hpp"

#include <vector>

namespace patchbay::client {

struct Handover;

class Listeners {
public:
    explicit Listeners(EngineContext &context) noexcept : context_(context) {}
    ~Listeners();
    Listeners(const Listeners &) = delete;
    Listeners &operator=(const Listeners &) = delete;

    // Sockets are compared by identity (S32): known ones rebind, new ones open, missing ones close.
    void adopt(const config::SnapshotPtr &snapshot);
    void closeAll();
    void take(Handover handover); // from an engine that goes away; dropped if nobody listens there

private:
    void close(const std::vector<Acceptor *> &acceptors);

    EngineContext &context_;
    std::vector<Acceptor *> acceptors_;
};

} // namespace patchbay::client
