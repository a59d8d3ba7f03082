// What the tests of core/ipc share.
#pragma once

#include "ipc/request_queue.hpp"
#include "ipc/shared_segment.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <random>
#include <thread>

namespace patchbay::ipc {

// Stops a push between its two halves, as a preempted engine does.
class RequestProducerProbe {
public:
    explicit RequestProducerProbe(RequestProducer &producer) : producer_(producer) {}
    std::optional<std::uint64_t> reserve() { return producer_.reserve(); }
    Ticket publish(std::uint64_t position, std::uint32_t slot)
    {
        return producer_.publish(position, slot);
    }
    std::uint64_t tail() const { return producer_.tail_; }
    void startAt(std::uint64_t position)
    {
        producer_.tail_ = position;
        producer_.shared_.head = position;
    }

private:
    RequestProducer &producer_;
};

namespace test {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

// Longer than any healthy run, so only a hang meets it.
inline constexpr std::chrono::seconds kBound{60};

// Polls until condition() or kBound is over.
template <typename Condition>
bool eventually(Condition condition)
{
    auto end = std::chrono::steady_clock::now() + kBound;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return true;
}

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t bits() { return engine_(); }
    // 0 .. limit - 1, without the library's own idea of a distribution: the same everywhere.
    std::uint32_t below(std::uint32_t limit)
    {
        return static_cast<std::uint32_t>((engine_() >> 32) * limit >> 32);
    }
    bool chance(std::uint32_t percent) { return below(100) < percent; }

private:
    std::mt19937_64 engine_;
};

inline std::size_t countOpenFds()
{
    std::size_t count = 0;
    for ([[maybe_unused]] const auto &entry :
         std::filesystem::directory_iterator("/proc/self/fd")) {
        count++;
    }
    return count;
}

} // namespace test
} // namespace patchbay::ipc
