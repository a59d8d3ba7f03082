#include "tally.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <limits>

namespace patchbay::load {
namespace {

constexpr const char *kNames[] = {"refused", "lost", "garbled", "wrong size", "hanging", "unsent"};

std::string text(double value, int digits = 2)
{
    char buffer[64];
    const int size = std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
    return {buffer, static_cast<std::size_t>(size)};
}

double ownSeconds()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval &t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

} // namespace

void Tally::answer(unsigned status, std::uint64_t bodySize, Clock::duration took)
{
    const auto units = std::chrono::duration_cast<std::chrono::nanoseconds>(took).count() / 10;
    answers_[status].push_back(static_cast<std::uint32_t>(
        std::min<std::int64_t>(units, std::numeric_limits<std::uint32_t>::max())));
    if (status == options_.statuses.front() && bodySize != options_.bodySize) {
        fail(wrongSize);
    }
}

// In microseconds. A percentile is the time that so many of them did not exceed.
std::string Tally::timesText(Times &times) const
{
    std::sort(times.begin(), times.end());
    double sum = 0;
    for (const std::uint32_t time : times) {
        sum += time;
    }
    const auto at = [&](double share) {
        const auto rank =
            static_cast<std::size_t>(share * static_cast<double>(times.size()) + 0.999999);
        return text(times[std::clamp<std::size_t>(rank, 1, times.size()) - 1] / 100.0);
    };
    return "{\"count\": " + std::to_string(times.size()) +
           ", \"mean\": " + text(sum / static_cast<double>(times.size()) / 100.0) +
           ", \"p50\": " + at(0.5) + ", \"p90\": " + at(0.9) + ", \"p99\": " + at(0.99) +
           ", \"p999\": " + at(0.999) + ", \"max\": " + at(1) + "}";
}

std::string Tally::json(Clock::duration elapsed)
{
    std::string answers, failures;
    std::uint64_t unexpected = 0;
    for (auto &[status, times] : answers_) {
        const auto &good = options_.statuses;
        if (std::find(good.begin(), good.end(), status) == good.end()) {
            unexpected += times.size();
        }
        answers +=
            (answers.empty() ? "\"" : ", \"") + std::to_string(status) + "\": " + timesText(times);
    }
    for (unsigned i = 0; i < kFailures; i++) {
        failures += std::string("\"") + kNames[i] + "\": " + std::to_string(failures_[i]) + ", ";
    }
    return "{\"seconds\": " + text(std::chrono::duration<double>(elapsed).count(), 6) +
           ", \"own_cpu\": " + text(ownSeconds(), 6) + ", \"answers\": {" + answers +
           "}, \"failures\": {" + failures +
           "\"unexpected status\": " + std::to_string(unexpected) + "}}";
}

} // namespace patchbay::load
