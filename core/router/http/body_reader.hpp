// [engine] Takes the framing off a request body, byte by byte at worst, and hands the body bytes
// on without keeping any. Before it: request_parser. After it: client/connection stores the body.
#pragma once

#include "router/http/settings.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace patchbay::http {

class BodyReader {
public:
    enum class Result : std::uint8_t { needMore, done, error };

    struct Outcome {
        Result result;
        std::size_t consumed; // bytes of the input; after done the rest is the next request's
    };

    // A body of exactly `length` bytes; max_body_size was checked by the request parser.
    void startLength(std::uint64_t length) noexcept;
    // A chunked body (H5-H7): at most max_body_size decoded; extensions and trailers are dropped,
    // together at most a header block's worth.
    void startChunked(const Settings &settings) noexcept;

    // Calls sink(std::string_view) for each piece of body in the input, in order. With no body at
    // all, feed("", 0, ...) answers done.
    template <typename Sink>
    Outcome feed(const char *data, std::size_t size, Sink &&sink)
    {
        std::size_t position = 0;
        while (true) {
            Step step = next(data + position, size - position);
            position += step.consumed;
            if (!step.body.empty()) {
                sink(step.body);
            } else {
                return {step.result, position};
            }
        }
    }

    // After error: 400, 413 or 431.
    unsigned status() const noexcept { return status_; }
    // Body bytes decoded so far.
    std::uint64_t received() const noexcept { return received_; }
    // Bytes of a Content-Length body still to come; 0 when it is chunked.
    std::uint64_t remaining() const noexcept { return chunked_ ? 0 : left_; }

private:
    struct Step {
        Result result;
        std::size_t consumed;
        std::string_view body; // not empty: there may be more in the input
    };
    enum class State : std::uint8_t {
        data, // left_ bytes of body come
        dataCr,
        dataLf,
        sizeFirst,
        size,
        beforeExtension, // blanks between size and ';'
        extension,
        sizeLf,
        trailerFirst, // start of a trailer line, or of the last line
        trailerName,
        trailerValue,
        trailerLf,
        lastLf,
        done,
        failed
    };

    Step next(const char *data, std::size_t size) noexcept;
    void onByte(char c) noexcept;
    void expect(char c, char wanted, State then) noexcept;
    void onSizeByte(char c) noexcept;
    void onTrailerByte(char c) noexcept;
    void endSize() noexcept;
    void fail(unsigned status) noexcept;
    bool countOverhead(unsigned status) noexcept;

    std::uint64_t left_ = 0; // of this body or this chunk
    std::uint64_t received_ = 0;
    std::uint64_t limit_ = 0;    // max_body_size
    std::uint64_t overhead_ = 0; // bytes of extensions and trailers still allowed
    unsigned status_ = 0;
    unsigned digits_ = 0; // of the chunk size
    State state_ = State::done;
    bool chunked_ = false;
};

} // namespace patchbay::http
