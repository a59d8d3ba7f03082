// [engine] One parsed request. Strings view the connection's read buffer or the request's arena;
// both live as long as the exchange.
#pragma once

#include "patchbay/abi.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace patchbay::http {

struct Field {
    std::string_view name;
    std::string_view value;
};

struct Request {
    std::string_view method;
    std::string_view target;               // as received (absolute form: the part from the path on)
    std::string_view path;                 // decoded, normalised
    std::optional<std::string_view> query; // absent and empty differ
    std::string_view version;              // "HTTP/1.1"
    unsigned minorVersion = 1;
    std::optional<std::string_view> host; // value of Host, or the authority of an absolute target
    std::string_view serverName;          // lower case, no port; "localhost" if there is none
    std::optional<std::string_view> contentType;
    std::optional<std::string_view> contentLengthText;
    std::optional<std::uint64_t> contentLength;
    std::span<const pb_field> fields; // in order; what applications must not see is left out
    bool chunked = false;
    bool keepAlive = true;
    bool expectContinue = false;

    bool isHead() const { return method == "HEAD"; }
    bool hasBody() const { return chunked || contentLength.value_or(0) > 0; }
};

} // namespace patchbay::http
