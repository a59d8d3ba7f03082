#include "router/client/output_chain.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

namespace patchbay::client {
namespace {

constexpr std::size_t kVectors = 64;

std::size_t totalSize(const OutputPiece &piece)
{
    return piece.prefixSize + piece.data.size() + piece.suffix.size();
}

// The buffers of one sendmsg(). `skip` bytes of the first piece have gone out already.
class Vectors {
public:
    std::size_t fill(const OutputPiece *piece, std::size_t skip) noexcept
    {
        for (; piece != nullptr && count_ + 3 <= kVectors; piece = piece->next) {
            add({piece->prefix, piece->prefixSize}, skip);
            add(piece->data, skip);
            add(piece->suffix, skip);
        }
        return bytes_;
    }
    iovec *data() noexcept { return vectors_.data(); }
    std::size_t count() const noexcept { return count_; }

private:
    void add(std::string_view part, std::size_t &skip) noexcept
    {
        const std::size_t skipped = std::min(skip, part.size());
        skip -= skipped;
        part.remove_prefix(skipped);
        if (!part.empty()) {
            vectors_[count_++] = {const_cast<char *>(part.data()), part.size()};
            bytes_ += part.size();
        }
    }
    std::array<iovec, kVectors> vectors_;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
};

} // namespace

OutputPiece &OutputChain::append(std::string_view data)
{
    OutputPiece *piece = pool_->take();
    piece->next = nullptr;
    piece->data = data;
    (last_ != nullptr ? last_->next : first_) = piece;
    last_ = piece;
    return *piece;
}

OutputPiece &OutputChain::append(std::string_view data, app::ReplyRun run)
{
    OutputPiece &piece = append(data);
    piece.run = std::move(run);
    return piece;
}

void OutputChain::prepend(std::string_view data)
{
    OutputPiece *piece = pool_->take();
    piece->data = data;
    piece->next = first_;
    first_ = piece;
    if (last_ == nullptr) {
        last_ = piece;
    }
}

void OutputChain::popFront() noexcept
{
    OutputPiece *piece = first_;
    first_ = piece->next;
    if (first_ == nullptr) {
        last_ = nullptr;
    }
    sent_ = 0;
    pool_->give(piece);
}

void OutputChain::removeEmpty() noexcept
{
    OutputPiece *rest = std::exchange(first_, nullptr);
    last_ = nullptr;
    while (rest != nullptr) {
        OutputPiece *piece = std::exchange(rest, rest->next);
        if (piece->data.empty()) {
            pool_->give(piece);
            continue;
        }
        piece->next = nullptr;
        (last_ != nullptr ? last_->next : first_) = piece;
        last_ = piece;
    }
}

void OutputChain::clear() noexcept
{
    while (first_ != nullptr) {
        popFront();
    }
}

OutputChain::Result OutputChain::writeTo(int fd, bool &progress) noexcept
{
    while (first_ != nullptr) {
        Vectors vectors;
        const std::size_t size = vectors.fill(first_, sent_);
        msghdr message{};
        message.msg_iov = vectors.data();
        message.msg_iovlen = vectors.count();
        const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno == EAGAIN || errno == EWOULDBLOCK ? Result::blocked : Result::failed;
        }
        progress = progress || sent > 0;
        consume(static_cast<std::size_t>(sent));
        if (static_cast<std::size_t>(sent) < size) {
            return Result::blocked; // the socket is full: EPOLLOUT comes when it is not
        }
    }
    return Result::done;
}

void OutputChain::consume(std::size_t bytes) noexcept
{
    while (first_ != nullptr) {
        const std::size_t left = totalSize(*first_) - sent_;
        if (bytes < left) {
            sent_ += bytes;
            return;
        }
        bytes -= left;
        popFront();
    }
}

} // namespace patchbay::client
