// Read buffers of one engine, in powers of two from 4 KiB; used again, the last one given first.
// Process router, [engine].
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <memory>
#include <vector>

namespace patchbay::client {

class Buffer {
public:
    char *data() const noexcept { return data_.get(); }
    std::size_t capacity() const noexcept { return capacity_; }
    explicit operator bool() const noexcept { return data_ != nullptr; }

private:
    friend class BufferPool;
    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0;
};

class BufferPool {
public:
    static constexpr std::size_t kSmallest = 4096;

    // At least `size` bytes.
    Buffer take(std::size_t size)
    {
        const std::size_t index = classOf(size);
        Buffer buffer;
        if (index < kClasses && !free_[index].empty()) {
            buffer = std::move(free_[index].back());
            free_[index].pop_back();
            return buffer;
        }
        buffer.capacity_ = index < kClasses ? kSmallest << index : size;
        buffer.data_ = std::make_unique_for_overwrite<char[]>(buffer.capacity_);
        return buffer;
    }
    void give(Buffer &&buffer)
    {
        Buffer given = std::move(buffer);
        buffer.capacity_ = 0; // NOLINT(bugprone-use-after-move): the array has left, not the number
        const std::size_t index = classOf(given.capacity_);
        // Few of the large ones, so that a peak does not stay for ever.
        if (given && index < kClasses && free_[index].size() < (kKeep >> index)) {
            free_[index].push_back(std::move(given));
        }
    }

private:
    static constexpr std::size_t kClasses = 5; // up to 64 KiB
    static constexpr std::size_t kKeep = 256;

    static std::size_t classOf(std::size_t size) noexcept
    {
        return size <= kSmallest ? 0
                                 : static_cast<std::size_t>(std::bit_width((size - 1) / kSmallest));
    }
    std::array<std::vector<Buffer>, kClasses> free_;
};

} // namespace patchbay::client
