// [any] See the header. Engines take request memory before encoding; workers take reply memory
// before writing, engines give it back after the socket took it.
#include "ipc/unit_pool.hpp"

#include <bit>

namespace patchbay::ipc {
namespace {

constexpr std::uint32_t kBits = 64;

// The lowest `count` (0..64) bits.
constexpr std::uint64_t lowBits(std::uint32_t count)
{
    return count >= kBits ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

// Bits where a run of `count` ones starts.
std::uint64_t runStarts(std::uint64_t bits, std::uint32_t count)
{
    std::uint32_t have = 1;
    while (have < count && bits != 0) {
        std::uint32_t step = have < count - have ? have : count - have;
        bits &= bits >> step;
        have += step;
    }
    return bits;
}

} // namespace

UnitPool::UnitPool(std::span<std::atomic<std::uint64_t>> words, std::uint32_t units) noexcept
    : words_(words), units_(units)
{
    if (units_ > words_.size() * kBits) {
        units_ = static_cast<std::uint32_t>(words_.size() * kBits);
    }
}

void UnitPool::markAllFree() noexcept
{
    for (std::uint32_t i = 0; i * kBits < units_; i++) {
        words_[i].store(lowBits(units_ - i * kBits), std::memory_order_release);
    }
}

std::optional<std::uint32_t> UnitPool::take(std::uint32_t count, std::uint32_t hint) noexcept
{
    std::uint32_t used = (units_ + kBits - 1) / kBits;
    if (count == 0 || count > kBits || used == 0) {
        return std::nullopt;
    }
    std::uint32_t index = hint % used;
    for (std::uint32_t i = 0; i < used; i++) {
        std::atomic<std::uint64_t> &word = words_[index];
        // Bits behind the last unit are nobody's, whatever a worker wrote there.
        std::uint64_t valid = lowBits(units_ - index * kBits);
        std::uint64_t seen = word.load(std::memory_order_relaxed);
        while (std::uint64_t starts = runStarts(seen & valid, count)) {
            auto first = static_cast<std::uint32_t>(std::countr_zero(starts));
            if (word.compare_exchange_weak(seen, seen & ~(lowBits(count) << first),
                                           std::memory_order_acq_rel, std::memory_order_relaxed)) {
                return index * kBits + first;
            }
        }
        index = index + 1 == used ? 0 : index + 1;
    }
    return std::nullopt;
}

bool UnitPool::give(std::uint32_t unit, std::uint32_t count) noexcept
{
    std::uint32_t first = unit % kBits;
    if (count == 0 || count > kBits - first || unit >= units_ || count > units_ - unit) {
        return false;
    }
    words_[unit / kBits].fetch_or(lowBits(count) << first, std::memory_order_acq_rel);
    return true;
}

std::uint32_t UnitPool::freeCount() const noexcept
{
    int count = 0;
    for (std::uint32_t i = 0; i * kBits < units_; i++) {
        std::uint64_t bits = words_[i].load(std::memory_order_relaxed);
        count += std::popcount(bits & lowBits(units_ - i * kBits));
    }
    return static_cast<std::uint32_t>(count);
}

} // namespace patchbay::ipc
