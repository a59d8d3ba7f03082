// [any] Lock-free allocator of runs of memory units over a bitmap (1 = free). The bitmap may lie in
// shared memory (a worker's reply memory) or in private memory (the router's request memory).
// A run never crosses a 64-unit word, so taking one is a single compare-and-swap, and a process
// that dies at any moment leaves the bitmap usable.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>

namespace patchbay::ipc {

class UnitPool {
public:
    // words: the bitmap, owned by the caller, longer-lived. units: how many of its bits count.
    UnitPool(std::span<std::atomic<std::uint64_t>> words, std::uint32_t units) noexcept;

    void markAllFree() noexcept; // once, before anyone else uses the bitmap

    // A run of `count` (1..64) units; nullopt when there is none. Starts looking at word `hint`, so
    // that warm memory is used again and threads keep out of each other's way.
    std::optional<std::uint32_t> take(std::uint32_t count, std::uint32_t hint = 0) noexcept;
    // Gives a run back. Out of range or not a run inside one word: false, nothing changes.
    bool give(std::uint32_t unit, std::uint32_t count) noexcept;
    std::uint32_t freeCount() const noexcept; // a snapshot, for tests and status

private:
    std::span<std::atomic<std::uint64_t>> words_;
    std::uint32_t units_;
};

} // namespace patchbay::ipc
