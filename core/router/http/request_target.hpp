// [engine] The request target taken apart: path decoded and normalised, query, authority.
// Called by request_parser alone.
#pragma once

#include "base/arena.hpp"

#include <optional>
#include <string_view>

namespace patchbay::http {

struct Target {
    std::string_view text;                 // from the path on, as received
    std::string_view path;                 // decoded, normalised (config.md 7.1)
    std::optional<std::string_view> query; // between '?' and '#'
    std::string_view authority;            // of the absolute form (H11); else empty
};

// target: no controls, no space. Views into it and the arena. Nothing: 400.
std::optional<Target> parseTarget(std::string_view target, Arena &arena) noexcept;

// The rules for Host and for an authority: no '/', no "..".
bool isValidHost(std::string_view host) noexcept;

// Host -> SERVER_NAME: lower case, no port, no final dot; "localhost" when nothing is left.
std::string_view serverNameOf(std::string_view host, Arena &arena) noexcept;

} // namespace patchbay::http
