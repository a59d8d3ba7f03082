#include "router/control/scaling.hpp"

#include <algorithm>

namespace patchbay::control {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kOftenest{50};
constexpr milliseconds kSeldomest{1000};

} // namespace

std::uint32_t ScalePlan::toStart(const Workforce &now) const noexcept
{
    const std::uint64_t alive = std::uint64_t{now.running} + now.starting;
    if (alive >= scale_.max) {
        return 0;
    }
    const std::uint64_t wanted = now.waiting + std::uint64_t{scale_.spare} * threads_;
    const std::uint64_t have = now.idleSeats + std::uint64_t{now.starting} * threads_;
    if (wanted <= have) {
        return 0;
    }
    const std::uint64_t workers = (wanted - have + threads_ - 1) / threads_;
    return static_cast<std::uint32_t>(std::min(workers, scale_.max - alive));
}

std::vector<std::uint32_t> ScalePlan::surplus(std::span<const WorkerSample> running,
                                              Clock::time_point now)
{
    std::map<std::uint32_t, Seen> seen; // lowest numbers first
    for (const WorkerSample &worker : running) {
        Seen next{worker.served, now, worker.idle};
        auto known = seen_.find(worker.number);
        if (worker.idle && known != seen_.end() && known->second.idle &&
            known->second.served == worker.served) {
            next.idleSince = known->second.idleSince;
        }
        seen.emplace(worker.number, next);
    }
    seen_ = std::move(seen);

    std::vector<std::uint32_t> ripe;
    std::uint32_t idle = 0;
    for (const auto &[number, worker] : seen_) {
        idle += worker.idle ? 1 : 0;
        if (worker.idle && idle > scale_.spare && now - worker.idleSince >= scale_.idleTimeout) {
            ripe.push_back(number);
        }
    }
    return ripe;
}

milliseconds ScalePlan::lookEvery() const noexcept
{
    return std::clamp(milliseconds(scale_.idleTimeout) / 4, kOftenest, kSeldomest);
}

} // namespace patchbay::control
