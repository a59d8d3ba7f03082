// [any] Bump allocator for the memory of one request: nothing is freed singly, no destructor runs,
// everything goes at reset(). Blocks come from and return to a free list of the thread, so that in
// the steady state a request costs no malloc and touches no fresh page.
// An Arena is used by one thread at a time. Out of memory ends the process, like any `new` here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#if defined(__SANITIZE_ADDRESS__)
#define PATCHBAY_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PATCHBAY_ASAN 1
#endif
#endif
#if defined(PATCHBAY_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace patchbay {

struct ArenaBlock;

class Arena {
public:
    static constexpr std::size_t kBlockSize = 4096; // header included; larger gets its own

    Arena() noexcept = default;
    ~Arena() { release(); }
    Arena(const Arena &) = delete;
    Arena &operator=(const Arena &) = delete;

    // Never null, size 0 included. align: a power of two, at most alignof(std::max_align_t).
    void *allocate(std::size_t size, std::size_t align = alignof(std::max_align_t)) noexcept
    {
        std::size_t skip = (0 - reinterpret_cast<std::uintptr_t>(next_)) & (align - 1);
        if (size + skip >= left_) {
            return allocateSlow(size, align);
        }
        char *result = next_ + skip;
        next_ = result + size;
        left_ -= size + skip;
        unpoison(result, size);
        return result;
    }

    // Uninitialised room for n objects.
    template <typename T>
    T *array(std::size_t n) noexcept
    {
        static_assert(std::is_trivially_destructible_v<T>, "an arena runs no destructors");
        return static_cast<T *>(allocate(n * sizeof(T), alignof(T)));
    }

    std::string_view copy(std::string_view text) noexcept
    {
        char *data = array<char>(text.size());
        if (!text.empty()) {
            std::memcpy(data, text.data(), text.size());
        }
        return {data, text.size()};
    }

    // Everything handed out is invalid. Keeps the first block for the next request.
    void reset() noexcept;
    // As reset(), but keeps nothing: for a connection that goes idle.
    void release() noexcept;

    // Bytes of blocks held, for tests and for the bound on memory.
    std::size_t held() const noexcept { return held_; }

private:
    // Memory that nobody has asked for yet is poisoned, so that a stale view is found.
    static void unpoison([[maybe_unused]] void *data, [[maybe_unused]] std::size_t size) noexcept
    {
#if defined(PATCHBAY_ASAN)
        ASAN_UNPOISON_MEMORY_REGION(data, size);
#endif
    }
    void *allocateSlow(std::size_t size, std::size_t align) noexcept;
    void use(ArenaBlock *block) noexcept;
    void giveOthers() noexcept;

    ArenaBlock *first_ = nullptr;  // the one that reset() keeps
    ArenaBlock *others_ = nullptr; // all the rest, in any order
    char *next_ = nullptr;         // free part of the newest normal block
    std::size_t left_ = 0;
    std::size_t held_ = 0;
};

} // namespace patchbay
