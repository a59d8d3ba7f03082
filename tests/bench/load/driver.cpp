#include "driver.hpp"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

namespace patchbay::load {
namespace {

constexpr std::size_t kBuffer = 256 * 1024;
constexpr std::chrono::milliseconds kRetryAfter{5};
constexpr unsigned kMostDescribed = 3;

} // namespace

Driver::Driver(const Options &options, Tally &tally)
    : options_(options), tally_(tally), epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(kBuffer)
{
    if (epoll_ < 0) {
        throw std::system_error(errno, std::generic_category(), "epoll_create1");
    }
    prctl(PR_SET_TIMERSLACK, 1UL); // requests that are due must not wait 50 us longer
    for (unsigned i = 0; i < options.connections; i++) {
        clients_.push_back(std::make_unique<Client>());
    }
}

Driver::~Driver()
{
    for (auto &client : clients_) {
        close(*client);
    }
    ::close(epoll_);
}

Clock::duration Driver::run()
{
    begin_ = Clock::now();
    stop_ = begin_ + options_.length;
    if (options_.rate > 0) {
        for (auto &client : clients_) {
            free_.push_back(client.get());
        }
    } else {
        startClosedLoop();
    }
    while (!over()) {
        startDue();
        wait();
    }
    for (auto &client : clients_) {
        if (working(*client)) {
            tally_.fail(Tally::hanging);
        }
    }
    return Clock::now() - begin_;
}

// Waiting for the server to close after an answer is no work that has to be finished.
bool Driver::working(const Client &client) const noexcept
{
    return client.state == State::busy || client.state == State::connecting;
}

bool Driver::over()
{
    const auto now = Clock::now();
    if (now < stop_) {
        return false;
    }
    if (!stopping_) {
        stopping_ = true;
        tally_.fail(Tally::unsent, due_.size());
        due_.clear();
        retries_.clear();
    }
    return now > stop_ + options_.grace ||
           std::none_of(clients_.begin(), clients_.end(),
                        [this](const auto &client) { return working(*client); });
}

timespec Driver::untilNext() const
{
    Clock::time_point next = stopping_ ? stop_ + options_.grace : stop_;
    if (!retries_.empty()) {
        next = std::min(next, retries_.front().when);
    }
    if (options_.rate > 0 && !stopping_) {
        next = std::min(next, begin_ + std::chrono::nanoseconds(static_cast<std::int64_t>(
                                           static_cast<double>(started_) / options_.rate * 1e9)));
    }
    const std::int64_t left =
        std::max<std::int64_t>(0, std::chrono::nanoseconds(next - Clock::now()).count());
    return {left / 1'000'000'000, left % 1'000'000'000};
}

void Driver::wait()
{
    std::array<epoll_event, 256> events;
    const timespec timeout = untilNext();
    const int count = epoll_pwait2(epoll_, events.data(), events.size(), &timeout, nullptr);
    if (count < 0 && errno != EINTR) {
        throw std::system_error(errno, std::generic_category(), "epoll_pwait2");
    }
    for (int i = 0; i < count; i++) {
        const epoll_event &one = events[static_cast<std::size_t>(i)];
        event(*static_cast<Client *>(one.data.ptr), one.events);
    }
}

void Driver::startClosedLoop()
{
    for (auto &client : clients_) {
        start(*client, Clock::now());
    }
}

void Driver::startDue()
{
    if (stopping_) {
        return;
    }
    const auto now = Clock::now();
    while (!retries_.empty() && retries_.front().when <= now) {
        Client &client = *retries_.front().client;
        retries_.pop_front();
        next(client);
    }
    while (options_.rate > 0) {
        const auto when = begin_ + std::chrono::nanoseconds(static_cast<std::int64_t>(
                                       static_cast<double>(started_) / options_.rate * 1e9));
        if (when > now || when >= stop_) {
            return;
        }
        started_++;
        if (free_.empty()) {
            due_.push_back(when);
        } else {
            Client &client = *free_.back();
            free_.pop_back();
            start(client, when);
        }
    }
}

// The client has nothing to do.
void Driver::next(Client &client)
{
    if (stopping_) {
        return;
    }
    if (options_.rate <= 0) {
        const auto now = Clock::now();
        if (now < stop_) {
            start(client, now);
        }
    } else if (due_.empty()) {
        free_.push_back(&client);
    } else {
        const auto since = due_.front();
        due_.pop_front();
        start(client, since);
    }
}

void Driver::start(Client &client, Clock::time_point since)
{
    client.since = since;
    client.sent = 0;
    client.reader.reset();
    if (client.fd < 0) {
        connect(client);
    } else {
        client.state = State::busy;
        send(client);
    }
}

void Driver::connect(Client &client)
{
    client.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client.fd < 0) {
        failed(client, Tally::refused, "socket");
        return;
    }
    const int on = 1;
    setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    client.state = State::connecting;
    const auto *address = reinterpret_cast<const sockaddr *>(&options_.address);
    if (::connect(client.fd, address, sizeof options_.address) < 0 && errno != EINPROGRESS) {
        failed(client, Tally::refused, "connect");
        return;
    }
    epoll_event wanted{};
    wanted.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    wanted.data.ptr = &client;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &wanted);
}

void Driver::connected(Client &client)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(client.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        errno = error;
        failed(client, Tally::refused, "connect");
        return;
    }
    if (options_.rate <= 0 && !options_.closing) {
        client.since = Clock::now(); // the connection is not part of what is asked
    }
    client.state = State::busy;
    send(client);
}

void Driver::event(Client &client, std::uint32_t events)
{
    if (client.state == State::connecting) {
        connected(client);
        return;
    }
    if (client.state == State::busy && client.sent < options_.request.size() &&
        (events & EPOLLOUT) != 0) {
        send(client);
    }
    if (client.fd >= 0 && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) {
        receive(client);
    }
}

void Driver::send(Client &client)
{
    const std::string &request = options_.request;
    while (client.sent < request.size()) {
        const ssize_t sent = ::send(client.fd, request.data() + client.sent,
                                    request.size() - client.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            return; // full, or broken: then the reader sees the end
        }
        client.sent += static_cast<std::size_t>(sent);
    }
}

void Driver::receive(Client &client)
{
    for (;;) {
        const ssize_t got = recv(client.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (got <= 0) {
            ended(client);
            return;
        }
        if (client.state == State::idle) {
            tally_.fail(Tally::garbled); // nobody asked for these bytes; it connects again
            close(client);
            return;
        }
        if (client.state == State::ending) {
            failed(client, Tally::garbled, "bytes behind the answer");
            return;
        }
        switch (client.reader.feed({buffer_.data(), static_cast<std::size_t>(got)})) {
        case AnswerReader::Result::bad:
            failed(client, Tally::garbled, "no answer in HTTP");
            return;
        case AnswerReader::Result::done:
            answered(client);
            return; // its next answer comes with an event of its own
        case AnswerReader::Result::more:
            break;
        }
        if (static_cast<std::size_t>(got) < buffer_.size()) {
            return; // the socket is empty
        }
    }
}

void Driver::ended(Client &client)
{
    if (client.state == State::busy) {
        if (client.reader.end() == AnswerReader::Result::done) {
            tally_.answer(client.reader.status(), client.reader.bodySize(),
                          Clock::now() - client.since);
        } else {
            failed(client, Tally::lost,
                   client.reader.begun() ? "closed within an answer" : "closed before an answer");
            return;
        }
    } else if (client.state == State::idle) {
        close(client); // it stays in free_ and connects again when it is needed
        return;
    }
    close(client);
    next(client);
}

void Driver::answered(Client &client)
{
    tally_.answer(client.reader.status(), client.reader.bodySize(), Clock::now() - client.since);
    if (client.reader.closes()) {
        client.state = State::ending;
        receive(client); // mostly it has closed already
        return;
    }
    client.state = State::idle;
    if (options_.closing || client.sent < options_.request.size()) {
        close(client);
    }
    next(client);
}

void Driver::failed(Client &client, Tally::Failure kind, const char *what)
{
    tally_.fail(kind);
    if (described_ < kMostDescribed) {
        described_++;
        const std::chrono::duration<double> when = Clock::now() - begin_;
        std::fprintf(stderr, "load: at %.3f s, %zu bytes sent: %s (%s)\n", when.count(),
                     client.sent, what, std::strerror(errno));
    }
    close(client);
    if (!stopping_) {
        retries_.push_back({Clock::now() + kRetryAfter, &client});
    }
}

void Driver::close(Client &client)
{
    if (client.fd >= 0) {
        ::close(client.fd);
        client.fd = -1;
    }
    client.state = State::closed;
}

} // namespace patchbay::load
