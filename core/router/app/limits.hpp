// [any] What one application may do and how long its requests may wait: fixed for its life.
#pragma once

#include <chrono>
#include <cstdint>

namespace patchbay::app {

struct Limits {
    // An application that says nothing for so long while it has a request, and is not waiting for
    // the client either, hangs; 0: it may (seed S55).
    std::chrono::milliseconds answer{0};
    // How long a request may wait for a worker.
    std::chrono::milliseconds queue{30'000};
    // How many may; 0: as many as there is room for. Engines do not wait for each other to count,
    // so each of them may let one more in.
    std::uint32_t queueLength = 0;
    // Idle seats to keep ready; only for an application whose workers come and go.
    std::uint32_t spareSeats = 0;
};

} // namespace patchbay::app
