// [engine] Bytes of a client -> Request. Before it: client/connection reads the socket. After it:
// body_reader, then the exchange. No sockets, no threads, nothing allocated outside the arena.
//
// Strict where leniency is what smuggling is made of (traps H1-H11); every error closes.
#pragma once

#include "base/arena.hpp"
#include "router/http/request.hpp"
#include "router/http/settings.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace patchbay::http {

class RequestParser {
public:
    enum class Result : std::uint8_t { needMore, done, error };

    // Before each request. Both must outlive the Request.
    void reset(const Settings &settings, Arena &arena) noexcept;

    // data: everything received of this request so far, contiguous, from its first byte; what
    // follows the header block may be there too and is not looked at. May be called again with
    // more bytes, also at another address. Complete lines are judged at once.
    Result feed(const char *data, std::size_t size) noexcept;

    // After error: 400, 411, 413, 431, 501 or 505.
    unsigned status() const noexcept { return status_; }
    // After done: bytes of the header block; the body starts there.
    std::size_t headerSize() const noexcept { return position_; }
    // After done: views into the last buffer given and the arena. When the buffer moves after that,
    // feed() with the new address makes the views follow.
    // After error: method and minorVersion only, if the request line was good.
    const Request &request() const noexcept { return request_; }

private:
    enum class State : std::uint8_t { requestLine, fields, done, failed };

    bool fail(unsigned status) noexcept; // always false
    void rebase(const char *data) noexcept;
    bool parseLine(std::string_view line) noexcept;
    bool parseRequestLine(std::string_view line) noexcept;
    bool parseVersion(std::string_view version) noexcept;
    bool parseField(std::string_view line) noexcept;
    bool knownField(std::string_view name, std::string_view value, bool &visible) noexcept;
    bool takeHost(std::string_view value) noexcept;
    bool takeContentLength(std::string_view value) noexcept;
    void takeConnection(std::string_view value) noexcept;
    void takeContentType(std::string_view value) noexcept;
    void addField(std::string_view name, std::string_view value) noexcept;
    bool finish() noexcept;
    bool finishFraming() noexcept;
    void finishHost() noexcept;

    const Settings *settings_ = nullptr;
    Arena *arena_ = nullptr;
    const char *base_ = nullptr; // buffer of the last feed()
    std::size_t position_ = 0;   // start of the line being collected
    std::size_t searched_ = 0;   // no line end before this
    pb_field *fields_ = nullptr; // in the arena; views into base_ are moved along with it
    std::size_t fieldCount_ = 0;
    std::size_t fieldCapacity_ = 0;
    std::size_t hostField_ = 0;  // index + 1 of Host in fields_
    std::string_view authority_; // of an absolute target
    unsigned transferEncodings_ = 0;
    unsigned status_ = 0;
    State state_ = State::requestLine;
    bool lastCodingChunked_ = false;         // the last Transfer-Encoding line says just "chunked"
    bool close_ = false, keepAlive_ = false; // tokens of Connection
    bool expect_ = false;
    Request request_;
};

} // namespace patchbay::http
