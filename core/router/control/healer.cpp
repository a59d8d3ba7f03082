// [control] See healer.hpp.
#include "router/control/healer.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace patchbay::control {
namespace {

// How often it is looked whether an application has recovered; costs next to nothing.
constexpr std::chrono::milliseconds kLook{250};
constexpr std::chrono::milliseconds kFirstDelay{1'000};
constexpr std::chrono::milliseconds kLongestDelay{30'000};

} // namespace

bool Healer::healthy() const
{
    const ActiveConfig *active = controller_.active();
    return active == nullptr || (active->ailments.none() && service_.storeError().empty());
}

void Healer::look()
{
    if (healthy()) {
        loop_.cancel(timer_);
        return;
    }
    if (generation_ != controller_.generation()) {
        generation_ = controller_.generation();
        delay_ = kFirstDelay;
        next_ = ControlLoop::Clock::now() + delay_;
    }
    if (timer_ == 0) {
        timer_ = loop_.after(kLook, [this] { tick(); });
    }
}

void Healer::tick()
{
    timer_ = 0;
    if (healthy()) { // or the router is about to end, and nothing is in effect any more
        return;
    }
    // An application that has recovered is seen without trying anything.
    bool due = ControlLoop::Clock::now() >= next_ &&
               (controller_.active()->ailments.mayPass() || !service_.storeError().empty());
    if (!queued_ && (due || controller_.recovered())) {
        queued_ = true;
        jobs_.push([this] { heal(); });
    }
    look();
}

void Healer::heal()
{
    queued_ = false;
    if (healthy()) {
        return; // another job was faster
    }
    delay_ = std::min(delay_ * 2, kLongestDelay);
    next_ = ControlLoop::Clock::now() + delay_;
    try {
        if (!controller_.active()->ailments.none()) {
            controller_.heal();
        }
        service_.storeAgain();
    } catch (const std::exception &error) {
        log::warn("what was left undone cannot be tried again: %s", error.what());
    }
}

} // namespace patchbay::control
