// patchbayctl: "unix:PATH", "unix:@NAME" (abstract) or "IP:PORT", ready for connect().
#pragma once

#include <sys/socket.h>

#include <string>

namespace patchbay::ctl {

struct ControlAddress {
    std::string text;     // as given, for messages
    std::string unixPath; // of a socket file; empty: none
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr *generic() const noexcept
    {
        return reinterpret_cast<const sockaddr *>(&storage);
    }
};

// Throws UsageError.
ControlAddress parseControlAddress(const std::string &text);

} // namespace patchbay::ctl
