// What a run has seen: every answer's status and time, and everything that was no answer.
#pragma once

#include "options.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace patchbay::load {

using Clock = std::chrono::steady_clock;

class Tally {
public:
    enum Failure : unsigned {
        refused,   // no connection could be made
        lost,      // it ended before the answer was there
        garbled,   // what came was no answer
        wrongSize, // a body of another size than asked for
        hanging,   // no answer when the time was over
        unsent,    // open loop: all connections were busy until the end
        kFailures
    };

    explicit Tally(const Options &options) noexcept : options_(options) {}

    void answer(unsigned status, std::uint64_t bodySize, Clock::duration took);
    void fail(Failure kind, std::uint64_t count = 1) noexcept { failures_[kind] += count; }
    // One line of JSON. Sorts the times.
    std::string json(Clock::duration elapsed);

private:
    // In units of 10 ns: exact percentiles need each of them, four bytes an answer.
    using Times = std::vector<std::uint32_t>;

    std::string timesText(Times &times) const;

    const Options &options_;
    std::map<unsigned, Times> answers_;
    std::uint64_t failures_[kFailures] = {};
};

} // namespace patchbay::load
