// What a connection needs only while it has a request: buffers, parsers, body, exchange, output.
// An idle connection has none of it. Taken from the engine's free list with the first byte of a
// request. Process router, [engine].
#pragma once

#include "base/arena.hpp"
#include "router/app/exchange.hpp"
#include "router/client/body_store.hpp"
#include "router/client/output_chain.hpp"
#include "router/http/body_reader.hpp"
#include "router/http/encoder_input.hpp"
#include "router/http/request_parser.hpp"
#include "router/http/response_writer.hpp"

namespace patchbay::client {

// Bytes read from a client: [begin, end) of the buffer have not been used up.
struct Input {
    Buffer buffer;
    std::size_t begin = 0, end = 0;

    std::size_t size() const noexcept { return end - begin; }
    const char *data() const noexcept { return buffer.data() + begin; }
};

struct Job {
    Input input;      // the header block stays here until the response is out
    Input chunkInput; // a chunked body, read from here because input must not move
    Arena arena;
    http::RequestParser parser;
    http::BodyReader bodyReader;
    BodyStore body;
    pb_request encoded{};
    app::Exchange exchange;

    // The response.
    OutputChain output;
    const http::Response *response = nullptr; // head received; in arena
    http::ResponsePlan plan;
    http::BodyFramer framer;
    std::uint64_t bodyBytes = 0; // received before the plan was made
    // For sinks.
    engine::TimePoint begun{};   // first byte of the request
    std::uint64_t sentBytes = 0; // of the response's body, handed to output
    unsigned status = 0;         // of the response; 0: none yet
    bool parsed = false;         // the header block is complete
    bool told = false;           // they know of this request
    bool fresh = false;          // input has bytes the parser has not seen
    bool planned = false;        // head is in output
    bool ended = false;          // the exchange is over
    bool finalized = false;      // ... and its last bytes are in output
    bool failed = false;         // it ended badly after its head: cut
    bool closing = false;        // after this response the connection closes
    bool linger = false;         // ... and the client may still be sending

    // For the next request on the same connection; input is kept.
    void nextRequest() noexcept
    {
        exchange.abandon();
        output.clear();
        body.clear();
        arena.reset();
        response = nullptr;
        bodyBytes = sentBytes = 0;
        status = 0;
        parsed = told = false;
        encoded.struct_size = 0;
        fresh = planned = finalized = ended = failed = closing = linger = false;
    }
    // For the free list; buffers have been taken out.
    void reset() noexcept { nextRequest(); }
};

} // namespace patchbay::client
