// [any] Where the control API is: --control ADDRESS of patchbayd and patchbayctl (daemon.md 1).
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

namespace patchbay {

struct ControlAddress {
    enum class Kind { file, abstract, tcp };

    Kind kind = Kind::file;
    std::string text; // as messages show it; with an absolute path
    std::string path; // of a socket file; else empty
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr *get() const noexcept { return reinterpret_cast<const sockaddr *>(&storage); }
};

// "unix:PATH", "unix:@NAME", "IP:PORT", "[IPv6]:PORT", "*:PORT"; numbers only, no names of hosts.
// Throws Error saying what is wrong with it.
ControlAddress parseControlAddress(std::string_view text);

} // namespace patchbay
