// [any] See the header. Between main and router, router and prototypes, router and workers; the
// messages are in message.hpp.
#include "ipc/channel.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace patchbay::ipc {
namespace {

constexpr std::chrono::milliseconds kLongestWait = std::chrono::hours(24); // poll() takes an int
constexpr int kTextSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

union ControlBuffer {
    char bytes[CMSG_SPACE(sizeof(int) * Channel::kMaxFds)];
    cmsghdr align;
};

// Whatever arrived must be owned first, a frame that is dropped later included.
void collectFds(msghdr &message, std::vector<UniqueFd> &fds)
{
    for (cmsghdr *c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; i++) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
            fds.emplace_back(fd);
        }
    }
}

void attachFds(msghdr &message, ControlBuffer &control, std::span<const int> fds)
{
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
}

bool isGone(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

} // namespace

WireWriter &WireWriter::u32(std::uint32_t value)
{
    bytes_.append(reinterpret_cast<const char *>(&value), sizeof value);
    return *this;
}

WireWriter &WireWriter::u64(std::uint64_t value)
{
    bytes_.append(reinterpret_cast<const char *>(&value), sizeof value);
    return *this;
}

WireWriter &WireWriter::str(std::string_view value)
{
    if (value.size() > UINT32_MAX) {
        throw Error("text of " + std::to_string(value.size()) + " bytes does not fit a message");
    }
    u32(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
    return *this;
}

std::string_view WireReader::take(std::size_t size)
{
    if (size > rest_.size()) {
        throw Error("message is too short: " + std::to_string(rest_.size()) + " bytes left, " +
                    std::to_string(size) + " expected");
    }
    std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
}

std::uint32_t WireReader::u32()
{
    std::uint32_t value = 0;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
}

std::uint64_t WireReader::u64()
{
    std::uint64_t value = 0;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
}

std::string_view WireReader::str()
{
    return take(u32());
}

std::pair<Channel, Channel> Channel::makePair()
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) {
        throw SystemError("socketpair(AF_UNIX, SOCK_SEQPACKET)");
    }
    return {Channel(UniqueFd(fds[0])), Channel(UniqueFd(fds[1]))};
}

Channel::Status Channel::send(MessageType type, std::string_view payload, std::span<const int> fds)
{
    if (payload.size() > kMaxPayload || fds.size() > kMaxFds) {
        throw Error("message " + std::to_string(static_cast<std::uint32_t>(type)) +
                    " is too large: " + std::to_string(payload.size()) + " bytes, " +
                    std::to_string(fds.size()) + " descriptors");
    }
    if (!isOpen()) {
        return Status::closed;
    }
    std::array<iovec, 2> parts{
        {{&type, sizeof type}, {const_cast<char *>(payload.data()), payload.size()}}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    ControlBuffer control{};
    if (!fds.empty()) {
        attachFds(message, control, fds);
    }
    for (;;) {
        if (sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
            return Status::ok;
        }
        if (errno == EAGAIN) {
            return Status::wouldBlock;
        }
        if (isGone(errno)) {
            return Status::closed;
        }
        if (errno != EINTR) {
            throw SystemError("sendmsg(channel)");
        }
    }
}

Channel::Status Channel::receive(Frame &frame)
{
    for (int dropped = 0; isOpen() && dropped < kMaxDropped;) {
        frame.fds.clear();
        frame.payload.resize(kMaxPayload);
        std::array<iovec, 2> parts{
            {{&frame.type, sizeof frame.type}, {frame.payload.data(), frame.payload.size()}}};
        ControlBuffer control{};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        ssize_t size = recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        // A peer that closes with something of ours unread resets the connection: told once, and
        // what it had sent before is still there to be read.
        if (size < 0 && (errno == EINTR || errno == ECONNRESET)) {
            continue;
        }
        if (size < 0 && errno == EAGAIN) {
            return Status::wouldBlock;
        }
        if (size < 0 && !isGone(errno)) {
            throw SystemError("recvmsg(channel)");
        }
        if (size <= 0) {
            collectFds(message, frame.fds);
            frame.fds.clear();
            return Status::closed;
        }
        collectFds(message, frame.fds);
        if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
            static_cast<std::size_t>(size) < sizeof frame.type) {
            log::warn("malformed frame of %zd bytes and %zu descriptors on channel %d dropped",
                      size, frame.fds.size(), fd_.get());
            dropped++;
            continue;
        }
        frame.payload.resize(static_cast<std::size_t>(size) - sizeof frame.type);
        return Status::ok;
    }
    frame.fds.clear();
    return isOpen() ? Status::wouldBlock : Status::closed;
}

bool Channel::waitReadable(std::chrono::milliseconds timeout) const
{
    if (!isOpen()) {
        return true;
    }
    timeout = std::min(timeout, kLongestWait);
    auto deadline = std::chrono::steady_clock::now() + timeout;
    int wait = timeout.count() < 0 ? -1 : static_cast<int>(timeout.count());
    for (;;) {
        pollfd item{fd_.get(), POLLIN, 0};
        int ready = poll(&item, 1, wait);
        if (ready >= 0) {
            return ready > 0; // POLLHUP and POLLERR too: receive() then says closed
        }
        if (errno != EINTR) {
            throw SystemError("poll(channel)");
        }
        if (wait >= 0) {
            auto left = std::chrono::ceil<std::chrono::milliseconds>(
                deadline - std::chrono::steady_clock::now());
            wait = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
        }
    }
}

UniqueFd makeTextMemfd(std::string_view text, const char *name)
{
    UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) {
        throw SystemError("memfd_create(" + std::string(name) + ")");
    }
    std::size_t done = 0;
    while (done < text.size()) {
        ssize_t size =
            pwrite(fd.get(), text.data() + done, text.size() - done, static_cast<off_t>(done));
        if (size < 0 && errno != EINTR) {
            throw SystemError("write(memfd " + std::string(name) + ")");
        }
        done += size > 0 ? static_cast<std::size_t>(size) : 0;
    }
    sealText(fd.get());
    return fd;
}

void sealText(int memfd)
{
    if (fcntl(memfd, F_ADD_SEALS, kTextSeals) != 0) {
        throw SystemError("fcntl(F_ADD_SEALS)");
    }
}

std::string readTextFd(int fd, std::size_t limit)
{
    struct stat status = {};
    if (fstat(fd, &status) != 0) {
        throw SystemError("fstat(text)");
    }
    if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) > limit) {
        throw Error("text is larger than " + std::to_string(limit) + " bytes or no text at all");
    }
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        ssize_t size = pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
        if (size < 0 && errno != EINTR) {
            throw SystemError("read(text)");
        }
        if (size == 0) {
            break; // it shrank meanwhile: what is left of it is the text
        }
        done += size > 0 ? static_cast<std::size_t>(size) : 0;
    }
    text.resize(done);
    return text;
}

} // namespace patchbay::ipc
