#include "router/http/response_writer.hpp"

#include "router/http/characters.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace patchbay::http {
namespace {

constexpr std::uint64_t kUnbounded = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kMaxNumber = 20; // digits of 2^64 - 1
// Status line and everything we may add besides the value of Server.
constexpr std::size_t kOwnPart = 320;

char *put(char *out, std::string_view text) noexcept
{
    if (!text.empty()) {
        std::memcpy(out, text.data(), text.size());
    }
    return out + text.size();
}

char *putNumber(char *out, std::uint64_t number) noexcept
{
    return std::to_chars(out, out + kMaxNumber, number).ptr;
}

char *putStatusLine(char *out, unsigned status) noexcept
{
    out = putNumber(put(out, "HTTP/1.1 "), status);
    *out++ = ' ';
    return put(put(out, reasonPhrase(status)), "\r\n");
}

char *putField(char *out, std::string_view name, std::string_view value) noexcept
{
    return put(put(put(put(out, name), ": "), value), "\r\n");
}

char *putLength(char *out, std::uint64_t length) noexcept
{
    return put(putNumber(put(out, "Content-Length: "), length), "\r\n");
}

// 1xx, 204, 304 (H28).
bool isBodiless(unsigned status) noexcept
{
    return status < 200 || status == 204 || status == 304;
}

} // namespace

std::string_view DateCache::get(std::time_t now) noexcept
{
    constexpr std::size_t kSize = 29;
    if (now != second_) {
        constexpr const char *kDays = "SunMonTueWedThuFriSat";
        constexpr const char *kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
        std::tm tm{};
        gmtime_r(&now, &tm);
        auto two = [](char *out, int n) {
            out[0] = static_cast<char>('0' + n / 10 % 10);
            out[1] = static_cast<char>('0' + n % 10);
        };
        char *t = text_.data();
        std::memcpy(t, "Sun, 06 Nov 1994 08:49:37 GMT", kSize);
        std::memcpy(t, kDays + std::size_t{3} * static_cast<std::size_t>(tm.tm_wday), 3);
        two(t + 5, tm.tm_mday);
        std::memcpy(t + 8, kMonths + std::size_t{3} * static_cast<std::size_t>(tm.tm_mon), 3);
        two(t + 12, (tm.tm_year + 1900) / 100);
        two(t + 14, tm.tm_year % 100);
        two(t + 17, tm.tm_hour);
        two(t + 20, tm.tm_min);
        two(t + 23, tm.tm_sec);
        second_ = now;
    }
    return {text_.data(), kSize};
}

ResponsePlan planResponse(const Response &response, const ResponseContext &context,
                          std::optional<std::uint64_t> wholeBody) noexcept
{
    ResponsePlan plan;
    plan.keepAlive = context.keepAlive;
    if (context.head || isBodiless(response.status)) {
        plan.framing = Framing::none;
        // A client takes 1xx for the prelude of an answer that will not come: end the wait.
        plan.keepAlive = plan.keepAlive && response.status >= 200;
    } else if (response.contentLength) {
        plan.framing = Framing::length;
        plan.length = *response.contentLength;
    } else if (wholeBody) {
        plan.framing = Framing::length;
        plan.length = *wholeBody;
        plan.ownLength = true;
    } else if (context.minorVersion > 0) {
        plan.framing = Framing::chunked;
    } else {
        plan.framing = Framing::close;
        plan.keepAlive = false; // H27
    }
    plan.sayKeepAlive = plan.keepAlive && context.minorVersion == 0;
    return plan;
}

std::size_t responseHeadBound(const Response &response, const ResponseContext &context) noexcept
{
    std::size_t size = kOwnPart + context.server.size();
    for (const Field &field : response.fields) {
        size += field.name.size() + field.value.size() + 4;
    }
    return size;
}

char *writeResponseHead(char *out, const Response &response, const ResponsePlan &plan,
                        const ResponseContext &context) noexcept
{
    const bool bodiless = isBodiless(response.status);
    out = putStatusLine(out, response.status);
    for (const Field &field : response.fields) {
        if (!(bodiless && equalsIgnoreCase(field.name, "content-length"))) {
            out = putField(out, field.name, field.value);
        }
    }
    out = putField(out, "Server", context.server);
    if (!response.hasDate) {
        out = putField(out, "Date", context.date);
    }
    if (plan.ownLength) {
        out = putLength(out, plan.length);
    }
    if (!plan.keepAlive) {
        out = put(out, "Connection: close\r\n");
    } else if (plan.sayKeepAlive) {
        out = put(out, "Connection: keep-alive\r\n");
    }
    if (plan.framing == Framing::chunked) {
        out = put(out, "Transfer-Encoding: chunked\r\n");
    }
    return put(out, "\r\n");
}

void BodyFramer::start(const ResponsePlan &plan) noexcept
{
    framing_ = plan.framing;
    left_ = kUnbounded;
    if (framing_ == Framing::none) {
        left_ = 0;
    } else if (framing_ == Framing::length) {
        left_ = plan.length;
    }
}

std::size_t BodyFramer::accept(std::size_t n) noexcept
{
    if (left_ == kUnbounded) {
        return n;
    }
    n = static_cast<std::size_t>(std::min<std::uint64_t>(n, left_));
    left_ -= n;
    return n;
}

std::size_t BodyFramer::writeChunkHead(char *out, std::size_t n) noexcept
{
    char *end = std::to_chars(out, out + 16, n, 16).ptr;
    return static_cast<std::size_t>(put(end, "\r\n") - out);
}

char *writeErrorPage(char *out, unsigned status, const ResponseContext &context,
                     unsigned retryAfter) noexcept
{
    char page[64];
    char *end = putNumber(put(page, "<!DOCTYPE html><title>Error "), status);
    end = put(putNumber(put(end, "</title><p>Error "), status), ".\r\n");
    const std::string_view body(page, static_cast<std::size_t>(end - page));

    out = put(putStatusLine(out, status), "Content-Type: text/html\r\n");
    if (retryAfter > 0) {
        out = put(putNumber(put(out, "Retry-After: "), retryAfter), "\r\n");
    }
    out = putField(out, "Server", context.server);
    out = putField(out, "Date", context.date);
    out = putLength(out, body.size());
    if (!context.keepAlive) {
        out = put(out, "Connection: close\r\n");
    } else if (context.minorVersion == 0) {
        out = put(out, "Connection: keep-alive\r\n");
    }
    out = put(out, "\r\n");
    return context.head ? out : put(out, body);
}

char *writeIdleTimeout(char *out, std::string_view server, std::string_view date) noexcept
{
    out = putField(putStatusLine(out, 408), "Server", server);
    out = put(out, "Connection: close\r\nContent-Length: 0\r\n");
    return put(putField(out, "Date", date), "\r\n");
}

} // namespace patchbay::http
