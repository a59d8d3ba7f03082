#include "router/client/acceptor.hpp"

#include "base/log.hpp"
#include "router/client/connection.hpp"

#include <sys/epoll.h>

namespace patchbay::client {
namespace {

constexpr std::chrono::milliseconds kPause{100};

bool isExhaustion(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

} // namespace

bool Acceptor::poll() noexcept
{
    // Level-triggered and exclusive: one engine wakes up per connection.
    return context_.engine.add(socket_->fd(), EPOLLIN | EPOLLEXCLUSIVE, *this);
}

bool Acceptor::open()
{
    family_ = socket_->family();
    open_ = poll();
    if (!open_) {
        log::alert("engine %u cannot poll listener %s (%d)", context_.number,
                   socket_->canonical().c_str(), errno);
    }
    return open_;
}

void Acceptor::close()
{
    if (open_) {
        while (acceptSome(kPerTurn)) {
        }
        open_ = false;
        cancel();
        if (!paused_) {
            context_.engine.remove(socket_->fd());
        }
    }
    socket_.reset(); // the descriptor is closed on [control], by the last snapshot that names it
}

bool Acceptor::acceptSome(std::size_t limit)
{
    if (!open_ || paused_) {
        return false;
    }
    for (std::size_t i = 0; i < limit; i++) {
        sockaddr_storage peer;
        socklen_t size = sizeof peer;
        auto *address = reinterpret_cast<sockaddr *>(&peer);
        const modules::ListenerInstance *module = binding_->listener->module.get();
        UniqueFd fd(module != nullptr
                        ? module->accept(socket_->fd(), address, &size)
                        : ::accept4(socket_->fd(), address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
                return false;
            }
            if (isExhaustion(errno)) {
                pause(errno);
                return false;
            }
            continue; // ECONNABORTED and the like concern that one connection
        }
        complained_ = false;
        Connection::accept(context_, *this, std::move(fd), peer);
    }
    return true;
}

// Polling on would spin: the connection stays there, and so does the reason (P22).
void Acceptor::pause(int error)
{
    if (!complained_) {
        complained_ = true;
        log::alert("accept() on %s failed (%d), trying again every %d ms",
                   socket_->canonical().c_str(), error, static_cast<int>(kPause.count()));
    }
    context_.engine.remove(socket_->fd());
    paused_ = true;
    context_.engine.setTimer(*this, kPause);
}

void Acceptor::onTimer()
{
    paused_ = false;
    if (open_ && !poll()) {
        pause(errno);
    }
}

} // namespace patchbay::client
