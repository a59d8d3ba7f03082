// [worker] See intake.hpp.
#include "worker/intake.hpp"

namespace patchbay::worker {

void IntakeGate::open(std::uint32_t limit, std::function<void()> spent)
{
    limit_ = limit;
    permits_.store(limit, std::memory_order_relaxed);
    spent_ = std::move(spent);
}

// No more requests, but those that threads have (seed S50). The successor is to be on its way
// before we are gone.
void IntakeGate::spend()
{
    close();
    if (!isSpent_.exchange(true)) {
        spent_();
    }
}

bool Intake::getPermit() noexcept
{
    if (gate_.limit_ == 0 || permitted_) {
        return true;
    }
    std::uint32_t left = gate_.permits_.load(std::memory_order_relaxed);
    while (left != 0 && !gate_.permits_.compare_exchange_weak(left, left - 1)) {
    }
    permitted_ = left != 0;
    last_ = left == 1;
    return permitted_;
}

Intake::Result Intake::take(ipc::Ticket &ticket)
{
    if (gate_.closed()) {
        return Result::closed;
    }
    if (!getPermit()) { // another thread waits with the last one
        gate_.spend();
        return Result::closed;
    }
    const std::optional<ipc::Ticket> taken = consumer_.take();
    if (!taken) {
        return Result::empty;
    }
    ticket = *taken;
    permitted_ = false;
    if (gate_.limit_ != 0 && last_) {
        gate_.spend();
    }
    return Result::ticket;
}

} // namespace patchbay::worker
