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

void Healer::look()
{
    const ActiveConfig *active = controller_.active();
    if (active == nullptr || active->ailments.none()) {
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
    const ActiveConfig *active = controller_.active();
    bool listeners = active != nullptr && !active->ailments.listeners.empty() &&
                     ControlLoop::Clock::now() >= next_;
    if (!queued_ && (listeners || controller_.recovered())) {
        queued_ = true;
        jobs_.push([this] { heal(); });
    }
    look();
}

void Healer::heal()
{
    queued_ = false;
    const ActiveConfig *active = controller_.active();
    if (active == nullptr || active->ailments.none()) {
        return; // another job was faster
    }
    delay_ = std::min(delay_ * 2, kLongestDelay);
    next_ = ControlLoop::Clock::now() + delay_;
    try {
        controller_.heal();
    } catch (const std::exception &error) {
        log::warn("what does not run cannot be tried again: %s", error.what());
    }
}

} // namespace patchbay::control
