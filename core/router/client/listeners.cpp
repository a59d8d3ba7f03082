#include "router/client/listeners.hpp"

#include "router/client/connection.hpp"

#include <charconv>
#include <unordered_map>

namespace patchbay::client {
namespace {

// "0.0.0.0:80", "[::1]:80", "unix:/run/a.sock" -> what requests on it say of their local end.
void splitCanonical(const config::ListenSocket &socket, Binding &binding)
{
    const std::string_view text = socket.canonical();
    if (socket.family() == AF_UNIX) {
        binding.localAddress = text;
        return;
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return;
    }
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (host.size() >= 2 && host.front() == '[') {
        host = host.substr(1, host.size() - 2);
    }
    binding.serverPort = port;
    std::from_chars(port.data(), port.data() + port.size(), binding.localPort);
    if (host != "0.0.0.0" && host != "::" && host != "*") { // else it depends (S23)
        binding.localAddress = host;
    }
}

BindingRef makeBinding(EngineContext &context, const config::SnapshotPtr &snapshot,
                       const config::Listener &listener)
{
    auto binding =
        std::make_unique<Binding>(snapshot, listener, context.links.add(listener.application));
    splitCanonical(*listener.socket, *binding);
    context.bindings.pushBack(*binding);
    return BindingRef(binding.release());
}

} // namespace

Listeners::~Listeners()
{
    for (Acceptor *acceptor : acceptors_) {
        acceptor->drop();
    }
}

void Listeners::adopt(const config::SnapshotPtr &snapshot)
{
    std::unordered_map<const config::ListenSocket *, Acceptor *> old;
    for (Acceptor *acceptor : acceptors_) {
        old.emplace(acceptor->socket(), acceptor);
    }
    acceptors_.clear();
    for (const config::Listener &listener : snapshot->listeners) {
        const auto known = old.extract(listener.socket.get());
        Acceptor *acceptor =
            known.empty() ? new Acceptor(context_, listener.socket) : known.mapped();
        acceptor->rebind(makeBinding(context_, snapshot, listener));
        if (!acceptor->isOpen()) {
            acceptor->open();
        }
        acceptors_.push_back(acceptor);
    }
    std::vector<Acceptor *> missing;
    for (const auto &[socket, acceptor] : old) {
        missing.push_back(acceptor);
    }
    close(missing);
}

void Listeners::closeAll()
{
    std::vector<Acceptor *> all;
    all.swap(acceptors_);
    close(all);
}

void Listeners::take(Handover handover)
{
    for (Acceptor *acceptor : acceptors_) {
        if (acceptor->socket()->canonical() == handover.listener) {
            Connection::accept(context_, *acceptor, std::move(handover.fd), handover.peer, true);
            return;
        }
    }
    if (context_.heir) { // we go away too, meanwhile
        context_.heir(std::move(handover));
    } else {
        bump(context_.counters.moved);
        bump(context_.counters.closed);
    }
}

void Listeners::close(const std::vector<Acceptor *> &acceptors)
{
    for (Acceptor *acceptor : acceptors) {
        acceptor->close();
    }
    // Connections accepted before are served, idle ones closed at once (C6).
    Connection *next = nullptr;
    for (Connection *c = context_.connections.front(); c != nullptr && !acceptors.empty();
         c = next) {
        next = context_.connections.after(*c);
        if (!c->acceptor().isOpen()) {
            c->closeIfIdle();
        }
    }
    for (Acceptor *acceptor : acceptors) {
        acceptor->drop();
    }
}

} // namespace patchbay::client
