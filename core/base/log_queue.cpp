#include "base/log_queue.hpp"

#include <cstring>

namespace patchbay::log {
namespace {

// The rest of the ring up to its end is unused: the record did not fit there.
constexpr std::uint32_t kSkip = ~0U;

} // namespace

bool LogQueue::push(std::string_view record) noexcept
{
    if (record.empty() || record.size() > kCapacity / 2) {
        return false;
    }
    const std::size_t size = footprint(record.size());
    std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    std::size_t skip = 0;
    do {
        const std::size_t rest = kCapacity - tail % kCapacity;
        skip = size > rest ? rest : 0;
        // Signed: `tail` may be so old that the head has passed it; then the exchange fails.
        const auto used =
            static_cast<std::int64_t>(tail + skip + size - head_.load(std::memory_order_acquire));
        if (used > static_cast<std::int64_t>(kCapacity)) {
            return false;
        }
    } while (!tail_.compare_exchange_weak(tail, tail + skip + size, std::memory_order_relaxed));
    if (skip > 0) {
        lengthAt(tail).store(kSkip, std::memory_order_release);
        tail += skip;
    }
    std::memcpy(at(tail) + sizeof(std::uint32_t), record.data(), record.size());
    lengthAt(tail).store(static_cast<std::uint32_t>(record.size()), std::memory_order_release);
    return true;
}

std::string_view LogQueue::front() noexcept
{
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    std::uint32_t length = lengthAt(head).load(std::memory_order_acquire);
    if (length == kSkip) {
        free(kCapacity - head % kCapacity);
        head = head_.load(std::memory_order_relaxed);
        length = lengthAt(head).load(std::memory_order_acquire);
    }
    return {at(head) + sizeof(std::uint32_t), length};
}

void LogQueue::pop() noexcept
{
    free(footprint(front().size()));
}

// Zeroed, so that the next one who writes there is not there before it is.
void LogQueue::free(std::size_t size) noexcept
{
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    std::memset(at(head), 0, size);
    head_.store(head + size, std::memory_order_release);
}

} // namespace patchbay::log
