// What a connection still has to send, in order: pieces of memory that stay where they are, most of
// them in a worker's reply memory, each with the chunk framing that belongs to it. Process router,
// [engine]. Before it: connection_write. After it: the socket.
#pragma once

#include "router/app/exchange.hpp"
#include "router/http/response_writer.hpp"

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace patchbay::client {

struct OutputPiece {
    OutputPiece *next = nullptr;
    std::string_view data;   // the arena's, static, or run's
    std::string_view suffix; // static; sent after data
    app::ReplyRun run;       // given back when the piece is sent
    unsigned char prefixSize = 0;
    char prefix[http::BodyFramer::kMaxChunkHead]; // sent before data
};

// Pieces of one engine, used again.
class PiecePool {
public:
    OutputPiece *take()
    {
        if (free_ == nullptr) {
            return new OutputPiece;
        }
        count_--;
        return std::exchange(free_, free_->next);
    }
    void give(OutputPiece *piece) noexcept
    {
        if (count_ >= kKeep) {
            delete piece;
            return;
        }
        piece->run.release();
        piece->suffix = {};
        piece->prefixSize = 0;
        piece->next = std::exchange(free_, piece);
        count_++;
    }
    PiecePool() = default;
    PiecePool(const PiecePool &) = delete;
    PiecePool &operator=(const PiecePool &) = delete;
    ~PiecePool()
    {
        while (free_ != nullptr) {
            delete std::exchange(free_, free_->next);
        }
    }

private:
    static constexpr std::size_t kKeep = 4096;
    OutputPiece *free_ = nullptr;
    std::size_t count_ = 0;
};

class OutputChain {
public:
    enum class Result { done, blocked, failed };

    OutputChain() = default;
    OutputChain(const OutputChain &) = delete;
    OutputChain &operator=(const OutputChain &) = delete;
    ~OutputChain() { clear(); }

    void setPool(PiecePool &pool) noexcept { pool_ = &pool; }
    bool empty() const noexcept { return first_ == nullptr; }
    OutputPiece *first() const noexcept { return first_; }
    OutputPiece *last() const noexcept { return last_; }

    OutputPiece &append(std::string_view data);
    OutputPiece &append(std::string_view data, app::ReplyRun run);
    // Before everything else; only while nothing has been sent.
    void prepend(std::string_view data);
    void popFront() noexcept;
    // Removes pieces whose data is empty; only while nothing has been sent.
    void removeEmpty() noexcept;
    void clear() noexcept;

    // Sends as much as the socket takes; one system call per 64 buffers. progress: bytes went out.
    Result writeTo(int fd, bool &progress) noexcept;

private:
    void consume(std::size_t bytes) noexcept;

    PiecePool *pool_ = nullptr;
    OutputPiece *first_ = nullptr, *last_ = nullptr;
    std::size_t sent_ = 0; // of the first piece, prefix and suffix included
};

} // namespace patchbay::client
