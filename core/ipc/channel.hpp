// [any] A framed, non-blocking message connection between two processes, descriptors included.
// One object is used by one thread at a time.
#pragma once

#include "base/unique_fd.hpp"
#include "ipc/message.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace patchbay::ipc {

// Builds a payload. Numbers are native-endian; a string is u32 size + bytes.
class WireWriter {
public:
    WireWriter &u32(std::uint32_t value);
    WireWriter &u64(std::uint64_t value);
    WireWriter &str(std::string_view value);
    const std::string &bytes() const noexcept { return bytes_; }

private:
    std::string bytes_;
};

// Reads one; throws Error when the payload is too short or a size points outside.
class WireReader {
public:
    explicit WireReader(std::string_view bytes) noexcept : rest_(bytes) {}
    std::uint32_t u32();
    std::uint64_t u64();
    std::string_view str(); // into the payload
    bool atEnd() const noexcept { return rest_.empty(); }

private:
    std::string_view take(std::size_t size);
    std::string_view rest_;
};

struct Frame {
    MessageType type{};
    std::string payload;
    std::vector<UniqueFd> fds; // the receiver's; all close-on-exec
};

class Channel {
public:
    static constexpr std::size_t kMaxPayload = 60 * 1024;
    static constexpr std::size_t kMaxFds = 16;
    static constexpr int kMaxDropped = 64;

    enum class Status { ok, wouldBlock, closed };

    Channel() = default;
    explicit Channel(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

    // Two connected ends, non-blocking, close-on-exec. Throws SystemError.
    static std::pair<Channel, Channel> makePair();

    // Sends one frame; borrowed fds stay the caller's. wouldBlock: the peer does not read; nothing
    // was sent. Throws Error for a payload or fd count over the limits, SystemError for the rest.
    Status send(MessageType type, std::string_view payload, std::span<const int> fds = {});
    // Receives one frame. Malformed frames (truncated, too many descriptors) are dropped with a log
    // line and the next one is tried; after kMaxDropped of them in a row the answer is wouldBlock,
    // so that a peer cannot hold the caller. An empty frame reads as closed. Throws SystemError for
    // what is not the peer's doing.
    Status receive(Frame &frame);
    // Waits up to `timeout` (negative: for ever) until receive() would not answer wouldBlock.
    bool waitReadable(std::chrono::milliseconds timeout) const;

    int fd() const noexcept { return fd_.get(); }
    bool isOpen() const noexcept { return static_cast<bool>(fd_); }
    void close() noexcept { fd_.reset(); }
    UniqueFd takeFd() noexcept { return std::move(fd_); }

private:
    UniqueFd fd_;
};

// Text too long for a frame travels as a sealed memfd.
UniqueFd makeTextMemfd(std::string_view text, const char *name);
// Makes a memfd's content final, whoever has it. Throws SystemError.
void sealText(int memfd);
// Throws Error when it is larger than `limit` bytes.
std::string readTextFd(int fd, std::size_t limit);

} // namespace patchbay::ipc
