// [any] See adaptive_spin.hpp.
#include "base/adaptive_spin.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>

namespace patchbay {
namespace {

// So many short waits in a row are a reason to look; after looks in vain more are needed, so that
// these cost little.
constexpr std::uint32_t kFirstReason = 4;
constexpr std::uint32_t kMostReason = 64;
// What waking up takes on the way of a request, its client included, when all of them have slept:
// some 100 µs each on a virtual machine. Looking saves most of it.
constexpr std::chrono::microseconds kWakeUps{400};
// Disturbed looks, each counting twice, less undisturbed ones, before it pauses.
constexpr std::uint32_t kMostTrouble = 32;
// Shorter than this nobody has been on our CPU meanwhile.
constexpr std::chrono::microseconds kUndisturbed{5};
constexpr std::chrono::milliseconds kLongestPause{640};

std::uint32_t cpusOfThread() noexcept
{
    cpu_set_t set;
    CPU_ZERO(&set);
    // Fails on machines with more CPUs than a cpu_set_t has: more than one.
    return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<std::uint32_t>(CPU_COUNT(&set))
                                                       : 2;
}

std::uint64_t preemptionsOfThread() noexcept
{
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return static_cast<std::uint64_t>(usage.ru_nivcsw);
}

AdaptiveSpin::Clock::time_point steadyNow() noexcept
{
    return AdaptiveSpin::Clock::now();
}

} // namespace

const AdaptiveSpin::Machine AdaptiveSpin::kThisMachine{&steadyNow, &cpusOfThread,
                                                       &preemptionsOfThread};

bool AdaptiveSpin::isWorthIt() noexcept
{
    if (shortWaits_ < std::max(needed_, kFirstReason)) {
        return false;
    }
    if (cpus_ == 0) {
        cpus_ = machine_.cpus();
        preemptions_ = machine_.preemptions();
    }
    return cpus_ > 1 && machine_.now() >= notBefore_;
}

void AdaptiveSpin::looked(bool found, Clock::duration time) noexcept
{
    if (found) {
        needed_ = kFirstReason;
    } else {
        shortWaits_ = 0;
        needed_ = std::min(std::max(needed_, kFirstReason) * 2, kMostReason);
    }
    if (time < kUndisturbed) {
        return;
    }
    // Preempted, now or since the last time: somebody had no other CPU, or a container has used up
    // its share. The kernel may still find a better place for them; where it does not, the pauses
    // grow.
    const std::uint64_t preemptions = machine_.preemptions();
    if (preemptions == preemptions_) {
        trouble_ -= trouble_ > 0 ? 1 : 0;
        pause_ = std::max<Clock::duration>(pause_ - pause_ / 8, kFirstPause);
        return;
    }
    preemptions_ = preemptions;
    trouble_ += 2;
    if (trouble_ >= kMostTrouble) {
        trouble_ = 0;
        notBefore_ = machine_.now() + pause_;
        pause_ = std::min<Clock::duration>(pause_ * 2, kLongestPause);
    }
}

void AdaptiveSpin::slept(Clock::duration time) noexcept
{
    shortWaits_ = time < longest_ + kWakeUps ? std::min(shortWaits_ + 1, kMostReason) : 0;
}

} // namespace patchbay
