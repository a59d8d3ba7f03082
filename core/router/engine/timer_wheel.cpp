#include "router/engine/timer_wheel.hpp"

#include <bit>

namespace patchbay::engine {

void Timer::unlink() noexcept
{
    if (link_ == nullptr) {
        return;
    }
    *link_ = next_;
    if (next_ != nullptr) {
        next_->link_ = link_;
    }
    next_ = nullptr;
    link_ = nullptr;
}

// Rounded up: a timer never fires early.
std::uint64_t TimerWheel::tickOf(TimePoint time) const noexcept
{
    if (time <= start_) {
        return 0;
    }
    return static_cast<std::uint64_t>((time - start_ + kTick - Clock::duration{1}) / kTick);
}

void TimerWheel::set(Timer &timer, TimePoint deadline) noexcept
{
    timer.deadline_ = deadline;
    if (deadline == kNever) {
        return;
    }
    if (timer.link_ != nullptr && timer.tick_ <= tickOf(deadline)) {
        return; // its place comes first; the deadline is looked at then
    }
    timer.unlink();
    insert(timer);
}

void TimerWheel::insert(Timer &timer) noexcept
{
    timer.tick_ = std::max(tickOf(timer.deadline_), current_ + 1);
    const std::size_t place = timer.tick_ % kPlaces;
    timer.next_ = places_[place];
    timer.link_ = &places_[place];
    if (timer.next_ != nullptr) {
        timer.next_->link_ = &timer.next_;
    }
    places_[place] = &timer;
    used_[place / 64] |= std::uint64_t{1} << (place % 64);
}

void TimerWheel::advance(TimePoint now)
{
    if (now <= start_) {
        return;
    }
    const auto target = static_cast<std::uint64_t>((now - start_) / kTick);
    // One round looks at every place; more would find nothing else.
    if (target > current_ + kPlaces) {
        current_ = target - kPlaces;
    }
    while (current_ < target) {
        std::optional<std::size_t> distance = firstPlaceAfter(current_);
        if (!distance || current_ + *distance > target) {
            current_ = target;
            return;
        }
        current_ += *distance;
        firePlace(current_, now);
    }
}

void TimerWheel::firePlace(std::uint64_t tick, TimePoint now)
{
    const std::size_t place = tick % kPlaces;
    // Moved to a list of its own first: what fires may set, cancel or destroy any timer.
    Timer *list = std::exchange(places_[place], nullptr);
    used_[place / 64] &= ~(std::uint64_t{1} << (place % 64));
    if (list != nullptr) {
        list->link_ = &list;
    }
    while (list != nullptr) {
        Timer &timer = *list;
        timer.unlink();
        if (timer.deadline_ == kNever) {
            continue;
        }
        if (timer.deadline_ > now) {
            insert(timer);
            continue;
        }
        timer.deadline_ = kNever;
        timer.onTimer();
    }
}

std::optional<TimePoint> TimerWheel::next() const noexcept
{
    std::optional<std::size_t> distance = firstPlaceAfter(current_);
    if (!distance) {
        return std::nullopt;
    }
    return start_ + kTick * static_cast<std::int64_t>(current_ + *distance);
}

// Distance (1..kPlaces) from `tick` to the next place in use.
std::optional<std::size_t> TimerWheel::firstPlaceAfter(std::uint64_t tick) const noexcept
{
    const std::size_t first = (tick + 1) % kPlaces;
    for (std::size_t i = 0; i <= kWords; i++) {
        const std::size_t index = (first / 64 + i) % kWords;
        std::uint64_t word = used_[index];
        if (i == 0) {
            word &= ~std::uint64_t{0} << (first % 64);
        }
        if (word != 0) {
            const std::size_t place = index * 64 + static_cast<std::size_t>(std::countr_zero(word));
            return (place + kPlaces - first) % kPlaces + 1;
        }
    }
    return std::nullopt;
}

} // namespace patchbay::engine
