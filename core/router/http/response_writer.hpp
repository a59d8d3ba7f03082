// [engine] Response -> bytes for the client: which framing, the head, the chunks, and the pages
// that the server makes itself. Before it: reply_parser. After it: client/connection's output
// chain.
#pragma once

#include "router/http/response.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string_view>

namespace patchbay::http {

// Registered phrase, "" for numbers without one. Static.
std::string_view reasonPhrase(unsigned status) noexcept;

// Date in the form of HTTP, made at most once a second. One per engine.
class DateCache {
public:
    // 29 bytes, valid until the next call.
    std::string_view get(std::time_t now) noexcept;

private:
    std::time_t second_ = -1;
    std::array<char, 32> text_{};
};

enum class Framing : std::uint8_t {
    none,   // no body follows: HEAD, 204, 304, 1xx
    length, // Content-Length
    chunked,
    close // until the connection ends
};

// What the request and the server's state say about its response.
struct ResponseContext {
    bool head = false;         // the method is HEAD
    unsigned minorVersion = 1; // of the request
    bool keepAlive = true;     // the request asks for it and we are not closing anyway
    std::string_view server;   // value of Server
    std::string_view date;     // DateCache::get()
};

// How a response goes out; made once per response, before its first byte.
struct ResponsePlan {
    Framing framing = Framing::close;
    std::uint64_t length = 0;  // of the body, when framing is length
    bool ownLength = false;    // Content-Length is ours, not among the fields
    bool keepAlive = false;    // after this response the connection serves the next request
    bool sayKeepAlive = false; // 1.0 clients need to be told
};

// wholeBody: size of the body when all of it is already there, so that it needs no chunks.
ResponsePlan planResponse(const Response &response, const ResponseContext &context,
                          std::optional<std::uint64_t> wholeBody) noexcept;

// Room that writeResponseHead() needs at most.
std::size_t responseHeadBound(const Response &response, const ResponseContext &context) noexcept;
// Writes status line, fields and the empty line; returns the end.
char *writeResponseHead(char *out, const Response &response, const ResponsePlan &plan,
                        const ResponseContext &context) noexcept;

// Keeps the body in step with what the head announced.
class BodyFramer {
public:
    void start(const ResponsePlan &plan) noexcept;

    // The application gave n more bytes: how many of them, from the first, may go out. The rest is
    // dropped (H15, H19, H28).
    std::size_t accept(std::size_t n) noexcept;
    bool chunked() const noexcept { return framing_ == Framing::chunked; }
    // Bytes may still be accepted; false means the rest of the body need not even be read.
    bool wantsMore() const noexcept { return left_ > 0; }
    // The application ended its body properly. true: the response is whole (send lastChunk() if
    // chunked()); false: it is short of its Content-Length, cut the connection (H18).
    bool complete() const noexcept { return framing_ != Framing::length || left_ == 0; }

    // A chunk of n > 0 bytes is: chunkHead(n), the bytes, kChunkEnd.
    static constexpr std::size_t kMaxChunkHead = 18;
    static std::size_t writeChunkHead(char *out, std::size_t n) noexcept; // bytes written

private:
    Framing framing_ = Framing::none;
    std::uint64_t left_ = 0;
};

inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kChunkEndAndLast = "\r\n0\r\n\r\n"; // one piece of output less
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n"; // H22

// The page for a status the server itself answers (app-interfaces.md 1.3), head and body; for HEAD
// the head alone. retryAfter: seconds, 0 = no such field. context.keepAlive false says that the
// connection closes. Returns the end.
inline constexpr std::size_t kErrorPageBound = 512; // plus the size of context.server
char *writeErrorPage(char *out, unsigned status, const ResponseContext &context,
                     unsigned retryAfter = 0) noexcept;

// What an idle or silent connection gets before it is closed: 408 without a page. Same room.
char *writeIdleTimeout(char *out, std::string_view server, std::string_view date) noexcept;

} // namespace patchbay::http
