// [any thread that lets go last] The end of a listening descriptor: after the last generation and
// the last acceptor that named it. Before: control/socket_client made it.
#include "router/config/config_snapshot.hpp"

namespace patchbay::config {

ListenSocket::ListenSocket(UniqueFd fd, std::string canonical, int family,
                           std::function<void()> onClose)
    : fd_(std::move(fd)), canonical_(std::move(canonical)), family_(family),
      onClose_(std::move(onClose))
{
}

ListenSocket::~ListenSocket()
{
    fd_.reset(); // ours first: once main has closed its own, nobody listens
    if (onClose_) {
        onClose_();
    }
}

void ListenSocket::close() noexcept
{
    fd_.reset();
    onClose_ = nullptr;
}

} // namespace patchbay::config
