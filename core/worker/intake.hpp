// [worker] Who may take how many requests: between worker.cpp or request_loop.cpp and the request
// ring. One IntakeGate per process, one Intake per request thread.
#pragma once

#include "ipc/request_queue.hpp"

#include <atomic>
#include <cstdint>
#include <functional>

namespace patchbay::worker {

class IntakeGate {
public:
    // Before the first request. limit 0: any number. spent: called once, on any request thread,
    // when the last request that may be taken has been.
    void open(std::uint32_t limit, std::function<void()> spent);
    void close() noexcept { closed_.store(true, std::memory_order_release); }
    bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }

private:
    friend class Intake;

    void spend();

    std::uint32_t limit_ = 0;
    std::atomic<std::uint32_t> permits_{0}; // requests that no thread has set out to take yet
    std::atomic<bool> closed_{false};
    std::atomic<bool> isSpent_{false};
    std::function<void()> spent_;
};

class Intake {
public:
    Intake(IntakeGate &gate, ipc::RequestConsumer &consumer) noexcept
        : gate_(gate), consumer_(consumer)
    {
    }

    enum class Result { ticket, empty, closed }; // closed: now and for ever
    Result take(ipc::Ticket &ticket);
    ipc::RequestConsumer &consumer() noexcept { return consumer_; }

private:
    bool getPermit() noexcept;

    IntakeGate &gate_;
    ipc::RequestConsumer &consumer_;
    bool permitted_ = false; // to take one more request; kept until it is used
    bool last_ = false;      // no other may be taken after it
};

} // namespace patchbay::worker
