// The control socket's Connection: any bytes in any pieces end, with one answer at most; in which
// pieces they come does not matter.
#include "check.hpp"
#include "router/api/connection.hpp"
#include "router/http/response_writer.hpp"

#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace patchbay;
using patchbay::fuzz::require;

constexpr std::size_t kBudget = std::size_t{64} << 20;

struct Outcome {
    unsigned status = 0; // of the answer; 0: none
    api::Request request;
    int requests = 0;

    bool operator==(const Outcome &other) const
    {
        return status == other.status && requests == other.requests &&
               request.method == other.request.method && request.path == other.request.path &&
               request.query == other.request.query && request.body == other.request.body &&
               request.ifMatch == other.request.ifMatch && request.prefer == other.request.prefer &&
               request.contentType == other.request.contentType;
    }
};

void turn(control::ControlLoop &loop)
{
    bool turned = false;
    loop.post([&] { turned = true; });
    loop.runUntil([&] { return turned; });
}

void readAll(int fd, std::string &out)
{
    std::array<char, 4096> bytes;
    ssize_t size = 0;
    while ((size = ::recv(fd, bytes.data(), bytes.size(), 0)) > 0) {
        out.append(bytes.data(), static_cast<std::size_t>(size));
    }
}

// The status of the one answer.
unsigned judge(std::string_view received)
{
    if (received.starts_with(http::kContinue)) {
        received.remove_prefix(http::kContinue.size());
    }
    if (received.empty()) {
        return 0;
    }
    require(received.starts_with("HTTP/1.1 "), "answers with a status line");
    const std::size_t head = received.find("\r\n\r\n");
    const std::size_t length = received.find("\r\nContent-Length: ");
    require(head != std::string_view::npos && length < head, "has a whole head");
    const std::size_t size = std::strtoul(received.data() + length + 18, nullptr, 10);
    require(received.size() == head + 4 + size, "has one body, and nothing after it");
    return static_cast<unsigned>(std::strtoul(received.data() + 9, nullptr, 10));
}

Outcome run(std::string_view text, const std::vector<std::size_t> &ends)
{
    static control::ControlLoop loop;
    Outcome outcome;
    api::Budget budget{kBudget};
    bool over = false;
    const api::Connection::Handler handle = [&](api::Request request, const api::Respond &respond) {
        outcome.requests++;
        outcome.request = std::move(request);
        respond(api::Answer::success("Ok"));
    };
    int fds[2];
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0,
            "there are sockets");
    UniqueFd client(fds[0]);
    auto connection = std::make_shared<api::Connection>(
        api::Connection::Surroundings{
            loop, budget, handle, [&](api::Connection &) { over = true; }, {}},
        UniqueFd(fds[1]), 0);
    connection->start();
    std::string received;
    std::size_t sent = 0;
    for (const std::size_t end : ends) {
        while (sent < end && !over) {
            const ssize_t size = ::send(client.get(), text.data() + sent, end - sent, MSG_NOSIGNAL);
            sent += size > 0 ? static_cast<std::size_t>(size) : 0;
            turn(loop);
        }
    }
    ::shutdown(client.get(), SHUT_WR);
    for (int turns = 0; turns < 20; turns++) {
        readAll(client.get(), received);
        turn(loop);
    }
    require(over, "ends when its client has");
    readAll(client.get(), received);
    connection.reset();
    outcome.status = judge(received);
    require(outcome.requests <= 1, "hands on one request");
    require(outcome.requests == 0 || outcome.status == 200, "answers what was handed on");
    require(budget.left == kBudget, "gives back its memory");
    return outcome;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    require(run(text, {size}) == run(text, fuzz::pieceEnds(data, size)), "pieces do not matter");
    return 0;
}
