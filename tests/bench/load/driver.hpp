// The loop of the load generator: one thread, one epoll, some connections. Closed loop: each
// connection sends its next request when it has the answer. Open loop: requests are due at fixed
// times, whatever the server does, and their time counts from when they were due.
#pragma once

#include "answer_reader.hpp"
#include "tally.hpp"

#include <deque>
#include <memory>
#include <vector>

namespace patchbay::load {

class Driver {
public:
    Driver(const Options &options, Tally &tally);
    ~Driver();
    Driver(const Driver &) = delete;
    Driver &operator=(const Driver &) = delete;

    // Returns how long requests were begun for, the last answers included.
    Clock::duration run();

private:
    enum class State : std::uint8_t {
        closed,
        connecting,
        idle,  // connected, no request on its way
        busy,  // some of the request is sent, the answer is not complete
        ending // answered; the server is about to close
    };
    struct Client {
        int fd = -1;
        State state = State::closed;
        std::size_t sent = 0;      // bytes of the request
        Clock::time_point since{}; // its request's time counts from here
        AnswerReader reader;
    };
    struct Retry {
        Clock::time_point when;
        Client *client;
    };

    bool over();
    void wait();
    timespec untilNext() const;
    void startDue();
    void startClosedLoop();
    void next(Client &client);
    void start(Client &client, Clock::time_point since);
    void connect(Client &client);
    void connected(Client &client);
    void event(Client &client, std::uint32_t events);
    void send(Client &client);
    void receive(Client &client);
    void ended(Client &client);
    void answered(Client &client);
    void failed(Client &client, Tally::Failure kind, const char *what);
    void close(Client &client);
    bool working(const Client &client) const noexcept;

    const Options &options_;
    Tally &tally_;
    int epoll_;
    std::vector<char> buffer_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::vector<Client *> free_;        // open loop: without a request
    std::deque<Clock::time_point> due_; // open loop: waiting for a free one
    std::deque<Retry> retries_;
    Clock::time_point begin_{}, stop_{};
    std::uint64_t started_ = 0; // open loop: requests that have been due
    unsigned described_ = 0;    // failures told on standard error
    bool stopping_ = false;
};

} // namespace patchbay::load
