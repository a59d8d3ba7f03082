// [engine] Request + facts about its connection -> what an encoder module gets. Before it:
// request_parser and the complete body. After it: app/dispatch calls the encoder.
#pragma once

#include "base/arena.hpp"
#include "router/http/request.hpp"

#include <cstdint>
#include <string_view>

namespace patchbay::http {

// For a module, which borrows it.
inline pb_str toStr(std::string_view text) noexcept
{
    return {text.data(), text.size()};
}

// What a request does not say itself; views belong to the connection and its listener.
struct ConnectionFacts {
    bool https = false;
    std::string_view serverPort;    // of the listener; empty on a unix socket: 80 or 443 is put in
    std::string_view localAddress;  // no port; "unix:/run/a.sock"
    std::string_view remoteAddress; // no port; "unix:"
    std::uint32_t localPort = 0;    // 0: none
    std::uint32_t remotePort = 0;
    std::uint32_t target = 0; // of the application, as pb_request has it
};

// bodySize: bytes of body, decoded. A chunked body is shown to applications as one with a
// Content-Length. Views into request, facts and arena.
pb_request makeEncoderInput(const Request &request, const ConnectionFacts &facts,
                            std::uint64_t exchangeId, std::uint32_t engine, std::uint64_t bodySize,
                            Arena &arena) noexcept;

} // namespace patchbay::http
