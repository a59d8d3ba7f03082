// [engine] The head of an application's response, as far as the router lets it through.
#pragma once

#include "router/http/request.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace patchbay::http {

struct Response {
    unsigned status = 0;                        // 100..999
    std::span<const Field> fields;              // in the application's order, safe to send
    std::optional<std::uint64_t> contentLength; // the application's; it is among the fields
    bool hasDate = false;                       // among the fields
};

} // namespace patchbay::http
