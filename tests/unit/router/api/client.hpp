// A client of the control API inside the control thread's own loop: sends as fast as it is read,
// takes what comes, and notices the end.
#pragma once

#include "base/unique_fd.hpp"
#include "router/control/control_loop.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>

namespace patchbay::api::test {

class Client {
public:
    // fd: connected.
    Client(control::ControlLoop &loop, UniqueFd fd) : loop_(loop), fd_(std::move(fd))
    {
        ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
        listen();
    }
    ~Client() { leave(); }
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    // Until the other end has taken it, or is gone. False when it is gone.
    bool send(std::string_view bytes)
    {
        while (!bytes.empty()) {
            ssize_t size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (size > 0) {
                bytes.remove_prefix(static_cast<std::size_t>(size));
            } else if (errno != EAGAIN) {
                return false;
            }
            turn();
        }
        return true;
    }
    void turn()
    {
        bool turned = false;
        loop_.post([&] { turned = true; });
        loop_.runUntil([&] { return turned; });
    }
    // What comes is left in the socket.
    void stopReading() { loop_.unwatch(fd_.get()); }
    void listen()
    {
        loop_.watch(fd_.get(), [this] { readable(); });
    }
    // No more will be sent.
    void shutDown() { ::shutdown(fd_.get(), SHUT_WR); }
    void leave()
    {
        if (fd_) {
            loop_.unwatch(fd_.get());
            fd_.reset();
        }
    }

    // Everything there was until the end of the connection; "(no end)" if there is none within ten
    // seconds.
    std::string answer()
    {
        auto deadline = control::ControlLoop::Clock::now() + std::chrono::seconds(10);
        bool ended = loop_.runUntil([this] { return ended_; }, deadline);
        return ended ? received_ : "(no end) " + received_;
    }
    bool ended() const { return ended_; }
    const std::string &received() const { return received_; }

private:
    void readable()
    {
        std::array<char, 65'536> bytes;
        ssize_t size = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
        if (size > 0) {
            received_.append(bytes.data(), static_cast<std::size_t>(size));
        } else if (size == 0 || errno != EAGAIN) {
            ended_ = true;
            loop_.unwatch(fd_.get());
        }
    }

    control::ControlLoop &loop_;
    UniqueFd fd_;
    std::string received_;
    bool ended_ = false;
};

// The number in the status line; 0 if there is none.
inline int statusOf(const std::string &answer)
{
    return answer.starts_with("HTTP/1.1 ") ? std::atoi(answer.c_str() + 9) : 0;
}

inline std::string bodyOf(const std::string &answer)
{
    std::size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? std::string() : answer.substr(end + 4);
}

} // namespace patchbay::api::test
