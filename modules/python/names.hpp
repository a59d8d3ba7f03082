// Names and values that encoder (router [engine]) and runtime (worker) both know by number, so that
// they cost neither bytes in shared memory nor a new string in the interpreter. The numbers are
// part of the message layout: append only, or raise kMessageLayout.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace patchbay::python {

// Number 0: the name is no known one and lies in the message.
inline constexpr std::uint8_t kOwnName = 0;

// The first kSteadyKeys carry values that seldom change from request to request; the runtime keeps
// the last string of each. Nothing secret may stand among them.
inline constexpr std::array<std::string_view, 72> kKeyNames{
    "", "SERVER_NAME", "SERVER_PORT", "SERVER_ADDR", "REMOTE_ADDR", "HTTP_HOST", "HTTP_CONNECTION",
    "HTTP_USER_AGENT", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING", "HTTP_ACCEPT_LANGUAGE",
    "HTTP_ACCEPT_CHARSET", "HTTP_CACHE_CONTROL", "HTTP_PRAGMA", "HTTP_DNT",
    "HTTP_UPGRADE_INSECURE_REQUESTS", "HTTP_SEC_CH_UA", "HTTP_SEC_CH_UA_MOBILE",
    "HTTP_SEC_CH_UA_PLATFORM", "HTTP_SEC_FETCH_DEST", "HTTP_SEC_FETCH_MODE", "HTTP_SEC_FETCH_SITE",
    "HTTP_SEC_FETCH_USER", "HTTP_SEC_GPC", "HTTP_PRIORITY", "HTTP_TE", "HTTP_VIA",
    "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT",
    "HTTP_X_REQUESTED_WITH",
    // from here on: no value is kept
    "REQUEST_METHOD", "REQUEST_URI", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL", "REMOTE_PORT",
    "CONTENT_TYPE", "CONTENT_LENGTH", "wsgi.url_scheme", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH",
    "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING", "HTTP_COOKIE", "HTTP_AUTHORIZATION",
    "HTTP_REFERER", "HTTP_ORIGIN", "HTTP_EXPECT", "HTTP_UPGRADE", "HTTP_RANGE", "HTTP_IF_RANGE",
    "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE",
    "HTTP_KEEP_ALIVE", "HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP",
    "HTTP_X_REQUEST_ID", "HTTP_X_CORRELATION_ID", "HTTP_X_CSRFTOKEN", "HTTP_X_CSRF_TOKEN",
    "HTTP_X_API_KEY", "HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_TRACEPARENT", "HTTP_TRACESTATE",
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS",
    "HTTP_SEC_WEBSOCKET_KEY",
    "HTTP_PROXY", // known so that it can be dropped: "httpoxy", traps.md H23
};

inline constexpr std::uint8_t kSteadyKeys = 31;

// The number of a name that is in the table; anything else does not compile.
consteval std::uint8_t keyOf(std::string_view name)
{
    for (std::size_t i = 1; i < kKeyNames.size(); ++i) {
        if (kKeyNames[i] == name) {
            return static_cast<std::uint8_t>(i);
        }
    }
    std::abort(); // no constant expression: does not compile
}
static_assert(keyOf("REQUEST_METHOD") == kSteadyKeys);
static_assert(kKeyNames.back() == "HTTP_PROXY");

// Values. Two are no texts: the bytes lie in the message; the value of the pair before this one.
inline constexpr std::uint8_t kOwnValue = 0;
inline constexpr std::uint8_t kPreviousValue = 1;
inline constexpr std::array<std::string_view, 10> kValueTexts{
    "", "", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "HTTP/1.0", "https",
};

// S62: what a byte of a field's name is in an environ. a-z become A-Z, '-' becomes '_'.
inline constexpr auto kEnvironBytes = [] {
    std::array<unsigned char, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
        table[i] = static_cast<unsigned char>(i);
    }
    for (unsigned char c = 'a'; c <= 'z'; ++c) {
        table[c] = static_cast<unsigned char>(c - 'a' + 'A');
    }
    table['-'] = '_';
    return table;
}();

// What a message does not say because it is nearly always so: the runtime's prepared environ has
// it.
inline constexpr std::string_view kDefaultMethod = "GET";
inline constexpr std::string_view kDefaultProtocol = "HTTP/1.1";
inline constexpr std::string_view kDefaultScheme = "http";
inline constexpr std::string_view kDefaultQuery = "";

} // namespace patchbay::python
