// [waker] See waker.hpp.
#include "worker/waker.hpp"

#include "worker/process_setup.hpp"

namespace patchbay::worker {

Waker::Waker(std::function<void()> sleep, std::function<void()> ring)
    : sleep_(std::move(sleep)), ring_(std::move(ring))
{
    BlockedSignals blocked; // they are the application's
    thread_ = std::thread([this] { run(); });
}

void Waker::arm() noexcept
{
    State idle = State::idle;
    if (state_.compare_exchange_strong(idle, State::armed)) {
        state_.notify_one();
    }
}

void Waker::stop(const std::function<void()> &unblock)
{
    state_.store(State::stopping);
    state_.notify_one();
    unblock();
    thread_.join();
}

void Waker::run()
{
    for (;;) {
        state_.wait(State::idle);
        if (state_.load() == State::stopping) {
            return;
        }
        sleep_();
        // First "not armed", then the ring: a loop that is rung and finds nothing arms again.
        State armed = State::armed;
        state_.compare_exchange_strong(armed, State::idle);
        ring_();
    }
}

} // namespace patchbay::worker
