// A control socket that answers what the test says: a thread, one connection after the other.
#pragma once

#include "base/control_address.hpp"
#include "base/unique_fd.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <sys/socket.h>

#include <csignal>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace patchbay::test {

// A whole answer as the control API writes it.
inline std::string answer(int status, const std::string &body, const std::string &more = "")
{
    return "HTTP/1.1 " + std::to_string(status) +
           " Text\r\nServer: Patchbay/0\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n" + more + "Connection: close\r\n\r\n" + body;
}

class FakeServer {
public:
    // What is sent for a whole request before the connection is closed.
    using Reply = std::function<std::string(const std::string &request)>;
    // A reply: nothing is sent and the connection stays open until the server's end.
    static constexpr const char *kSilence = "(silence)";

    // address: "unix:..." or "IP:PORT".
    FakeServer(const std::string &address, Reply reply) : reply_(std::move(reply))
    {
        std::signal(SIGPIPE, SIG_IGN); // as main() does
        const ControlAddress where = parseControlAddress(address);
        listener_ = UniqueFd(::socket(where.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        CPPUNIT_ASSERT_EQUAL(0, ::bind(listener_.get(), where.get(), where.size));
        CPPUNIT_ASSERT_EQUAL(0, ::listen(listener_.get(), 16));
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeServer()
    {
        ::shutdown(listener_.get(), SHUT_RDWR); // accept() returns
        thread_.join();
    }
    FakeServer(const FakeServer &) = delete;
    FakeServer &operator=(const FakeServer &) = delete;

    // All requests so far, whole.
    std::vector<std::string> requests()
    {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }

private:
    void serve()
    {
        while (true) {
            UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!connection) {
                return;
            }
            const std::string request = readRequest(connection.get());
            {
                const std::scoped_lock lock(mutex_);
                requests_.push_back(request);
            }
            const std::string reply = reply_(request);
            if (reply == kSilence) {
                silent_.push_back(std::move(connection));
            } else {
                (void)!::send(connection.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
            }
        }
    }

    static std::string readRequest(int fd)
    {
        std::string request;
        std::size_t wanted = std::string::npos;
        char piece[4096];
        while (request.size() < wanted) {
            const ssize_t count = ::recv(fd, piece, sizeof(piece), 0);
            if (count <= 0) {
                break;
            }
            request.append(piece, static_cast<std::size_t>(count));
            const std::size_t head = request.find("\r\n\r\n");
            if (head != std::string::npos) {
                const std::size_t field = request.find("Content-Length: ");
                wanted = head + 4 + (field < head ? std::stoul(request.substr(field + 16)) : 0);
            }
        }
        return request;
    }

    Reply reply_;
    UniqueFd listener_;
    std::vector<UniqueFd> silent_;
    std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

} // namespace patchbay::test
