#include "router/client/listeners.hpp"

#include "router/client/connection.hpp"

#include <charconv>

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
    std::vector<Acceptor *> old;
    old.swap(acceptors_);
    for (const config::Listener &listener : snapshot->listeners) {
        const auto known = std::find_if(old.begin(), old.end(), [&](const Acceptor *acceptor) {
            return acceptor->socket() == listener.socket.get();
        });
        Acceptor *acceptor = nullptr;
        if (known != old.end()) {
            acceptor = *known;
            old.erase(known);
        } else {
            acceptor = new Acceptor(context_, listener.socket);
        }
        acceptor->rebind(makeBinding(context_, snapshot, listener));
        if (!acceptor->isOpen()) {
            acceptor->open();
        }
        acceptors_.push_back(acceptor);
    }
    for (Acceptor *acceptor : old) {
        closeAcceptor(*acceptor);
    }
}

void Listeners::closeAll()
{
    std::vector<Acceptor *> old;
    old.swap(acceptors_);
    for (Acceptor *acceptor : old) {
        closeAcceptor(*acceptor);
    }
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
    }
}

void Listeners::closeAcceptor(Acceptor &acceptor)
{
    acceptor.close();
    // Connections accepted before are served, idle ones closed at once (C6).
    Connection *next = nullptr;
    for (Connection *c = context_.connections.front(); c != nullptr; c = next) {
        next = context_.connections.after(*c);
        if (&c->acceptor() == &acceptor) {
            c->closeIfIdle();
        }
    }
    acceptor.drop();
}

} // namespace patchbay::client
