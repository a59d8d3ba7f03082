// [any] Lines on their way from the threads of the router to the one that writes them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace patchbay::log {

// A ring of bytes: any number of threads put records in, one at a time takes them out. Nobody
// waits: what finds no room is refused. A record lies in one piece; four bytes in front of it say
// how long it is, and until they are written the one who takes stops there.
class LogQueue {
public:
    static constexpr std::size_t kCapacity = std::size_t{1} << 20;

    // false: no room. [any]
    bool push(std::string_view record) noexcept;

    // The oldest record; empty if there is none. It stays until pop(). One thread at a time.
    std::string_view front() noexcept;
    void pop() noexcept;

    // Bytes, those that are being written included. [any]
    std::size_t used() const noexcept
    {
        std::uint64_t head = head_.load(std::memory_order_acquire); // first: it follows the tail
        return static_cast<std::size_t>(tail_.load(std::memory_order_relaxed) - head);
    }

private:
    static constexpr std::size_t kAlign = 8;
    // What a record takes with its length, which is 0 as long as it is not there.
    static constexpr std::size_t footprint(std::size_t size) noexcept
    {
        return (sizeof(std::uint32_t) + size + kAlign - 1) / kAlign * kAlign;
    }
    std::atomic_ref<std::uint32_t> lengthAt(std::uint64_t position) noexcept
    {
        return std::atomic_ref(*reinterpret_cast<std::uint32_t *>(at(position)));
    }
    char *at(std::uint64_t position) noexcept { return &bytes_[position % kCapacity]; }
    void free(std::size_t size) noexcept;

    std::atomic<std::uint64_t> tail_{0};             // bytes ever taken by writers
    alignas(64) std::atomic<std::uint64_t> head_{0}; // bytes ever given back, zeroed before
    alignas(kAlign) std::array<char, kCapacity> bytes_{};
};

} // namespace patchbay::log
