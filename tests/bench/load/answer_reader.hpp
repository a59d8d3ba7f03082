// Finds the end of a response in what comes over one connection, piece by piece; keeps its status
// and the size of its body. Knows lengths, chunks, and bodies that end with the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace patchbay::load {

class AnswerReader {
public:
    enum class Result : std::uint8_t { more, done, bad };

    void reset() noexcept;
    // All of the bytes belong to this answer, as a client that waits for it may expect; bytes
    // behind its end are `bad`.
    Result feed(std::string_view bytes);
    // The connection has ended.
    Result end() const noexcept;

    bool begun() const noexcept { return state_ != State::head || !head_.empty(); }
    unsigned status() const noexcept { return status_; }
    std::uint64_t bodySize() const noexcept { return bodySize_; }
    bool closes() const noexcept { return closes_; } // the server ends the connection after it

private:
    enum class State : std::uint8_t { head, length, untilClosed, chunkLine, chunk, chunkEnd, done };

    bool takeHead(std::string_view head);
    bool takeField(std::string_view name, std::string_view value);
    Result feedBody(std::string_view bytes);
    bool stepChunks(std::string_view &bytes);
    bool takeLine(std::string_view &bytes);
    bool endOfLine();

    State state_ = State::head;
    std::string head_;       // what there is of an incomplete head, or of a chunk's line
    std::uint64_t left_ = 0; // bytes of the body, or of the chunk
    std::uint64_t bodySize_ = 0;
    unsigned status_ = 0;
    bool closes_ = false;
    bool last_ = false; // the chunk of size 0 has come
};

} // namespace patchbay::load
