// [control] One client of the control socket: reads a request, hands it on, writes the answer,
// closes (control-api.md 1). Never waits: a client that is slow costs a descriptor and a timer.
#pragma once

#include "base/arena.hpp"
#include "base/unique_fd.hpp"
#include "router/api/message.hpp"
#include "router/control/control_loop.hpp"
#include "router/http/body_reader.hpp"
#include "router/http/request_parser.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace patchbay::api {

// Memory that all bodies together may take; a connection gives back what it took.
struct Budget {
    std::size_t left;
};

class Connection : public std::enable_shared_from_this<Connection> {
public:
    using Handler = std::function<void(Request request, const Respond &respond)>;

    // How long a client may take; body and writing: between two pieces.
    struct Patience {
        std::chrono::milliseconds head{300'000};
        std::chrono::milliseconds body{60'000};
        std::chrono::milliseconds writing{60'000};
        std::chrono::milliseconds leaving{2'000}; // to close after its answer
    };

    struct Surroundings {
        control::ControlLoop &loop;
        Budget &budget;
        const Handler &handle;
        std::function<void(Connection &)> ended; // the last thing it does
        Patience patience;
    };

    // fd: connected, non-blocking. uid: of the peer.
    Connection(Surroundings surroundings, UniqueFd fd, std::uint32_t uid);
    ~Connection();
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    enum class State : std::uint8_t { head, body, working, writing, lingering, over };

    void start();
    State state() const noexcept { return state_; }
    // Gives back everything it has.
    void end();

private:
    class Reply;

    void readable();
    void writable();
    void feedHead();
    void startBody();
    void feedBody(std::string_view bytes);
    void dispatch();
    void refuse(unsigned status);
    void answer(const Answer &answer);
    void linger();
    void arm(std::chrono::milliseconds time);
    bool takeMemory(std::size_t bytes);
    void release() noexcept;

    Surroundings in_;
    UniqueFd fd_;
    std::uint32_t uid_;
    State state_ = State::head;
    control::ControlLoop::TimerId timer_ = 0;
    Arena arena_;
    http::Settings settings_;
    http::RequestParser parser_;
    http::BodyReader bodyReader_;
    Request request_;
    std::string buffer_; // what has been read and not used, then what is to be written
    std::size_t written_ = 0;
    std::size_t taken_ = 0;   // of the budget
    std::size_t drained_ = 0; // bytes read while lingering
};

} // namespace patchbay::api
