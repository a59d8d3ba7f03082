#include "base/arena.hpp"

#include <cstdlib>

namespace patchbay {

// Header of a block; its memory follows.
struct alignas(std::max_align_t) ArenaBlock {
    ArenaBlock *next;
    std::size_t size; // of the memory

    char *memory() noexcept { return reinterpret_cast<char *>(this + 1); }
};

namespace {

constexpr std::size_t kNormal = Arena::kBlockSize - sizeof(ArenaBlock);
constexpr std::size_t kMaxFree = 1024; // blocks a thread keeps: 4 MiB

void poison([[maybe_unused]] ArenaBlock *block) noexcept
{
#if defined(PATCHBAY_ASAN)
    ASAN_POISON_MEMORY_REGION(block->memory(), block->size);
#endif
}

void freeBlock(ArenaBlock *block) noexcept
{
#if defined(PATCHBAY_ASAN)
    ASAN_UNPOISON_MEMORY_REGION(block->memory(), block->size);
#endif
    std::free(block);
}

// Normal blocks that no arena of this thread uses. An arena that outlives it (a static object, at
// the end of the thread) finds an empty, full list, which is harmless.
struct FreeList {
    ArenaBlock *head = nullptr;
    std::size_t count = 0;

    ~FreeList()
    {
        while (head != nullptr) {
            ArenaBlock *block = head;
            head = block->next;
            freeBlock(block);
        }
        count = kMaxFree;
    }
};

thread_local FreeList freeList;

ArenaBlock *takeBlock(std::size_t size) noexcept
{
    if (size == kNormal && freeList.head != nullptr) {
        ArenaBlock *block = freeList.head;
        freeList.head = block->next;
        freeList.count--;
        return block;
    }
    void *memory = std::malloc(sizeof(ArenaBlock) + size);
    if (memory == nullptr) {
        std::abort();
    }
    auto *block = new (memory) ArenaBlock{nullptr, size};
    poison(block);
    return block;
}

void giveBlock(ArenaBlock *block) noexcept
{
    if (block->size != kNormal || freeList.count >= kMaxFree) {
        freeBlock(block);
        return;
    }
    poison(block);
    block->next = freeList.head;
    freeList.head = block;
    freeList.count++;
}

} // namespace

void *Arena::allocateSlow(std::size_t size, std::size_t align) noexcept
{
    if (size >= kNormal) {
        // Its own block; the current one stays in use for what is small. A block's memory has
        // every alignment that allocate() promises.
        ArenaBlock *block = takeBlock(size);
        block->next = others_;
        others_ = block;
        held_ += sizeof(ArenaBlock) + size;
        unpoison(block->memory(), size);
        return block->memory();
    }
    ArenaBlock *block = takeBlock(kNormal);
    held_ += kBlockSize;
    if (first_ == nullptr) {
        first_ = block;
    } else {
        block->next = others_;
        others_ = block;
    }
    use(block);
    return allocate(size, align);
}

void Arena::use(ArenaBlock *block) noexcept
{
    next_ = block->memory();
    left_ = block->size;
}

void Arena::giveOthers() noexcept
{
    while (others_ != nullptr) {
        ArenaBlock *block = others_;
        others_ = block->next;
        giveBlock(block);
    }
}

void Arena::reset() noexcept
{
    giveOthers();
    held_ = 0;
    if (first_ != nullptr) {
        poison(first_);
        held_ = kBlockSize;
        use(first_);
    }
}

void Arena::release() noexcept
{
    giveOthers();
    if (first_ != nullptr) {
        giveBlock(first_);
        first_ = nullptr;
    }
    next_ = nullptr;
    left_ = 0;
    held_ = 0;
}

} // namespace patchbay
