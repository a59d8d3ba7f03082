// Objects of one engine that are used again instead of being freed: the steady state allocates
// nothing. Not thread-safe: one per engine.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace patchbay::engine {

// T needs a default constructor and reset(), which puts it back into its first state.
template <typename T>
class FreeList {
public:
    explicit FreeList(std::size_t keep) : keep_(keep) {}

    std::unique_ptr<T> take()
    {
        if (free_.empty()) {
            return std::make_unique<T>();
        }
        std::unique_ptr<T> object = std::move(free_.back());
        free_.pop_back();
        return object;
    }
    void give(std::unique_ptr<T> object)
    {
        if (free_.size() >= keep_) {
            return; // after a peak: memory goes back to the system
        }
        object->reset();
        free_.push_back(std::move(object));
    }

private:
    std::size_t keep_;
    std::vector<std::unique_ptr<T>> free_; // the last one given is the warmest
};

// Memory for objects of one size, from slabs; goes back to the system with the pool.
class SlabPool {
public:
    explicit SlabPool(std::size_t size) noexcept : size_((size + kAlign - 1) / kAlign * kAlign) {}

    void *take()
    {
        if (free_ == nullptr) {
            slabs_.push_back(std::make_unique_for_overwrite<std::byte[]>(size_ * kPerSlab));
            for (std::size_t i = kPerSlab; i-- > 0;) {
                give(slabs_.back().get() + i * size_);
            }
        }
        Node *node = free_;
        free_ = node->next;
        return node;
    }
    void give(void *memory) noexcept { free_ = ::new (memory) Node{free_}; }

private:
    struct Node {
        Node *next;
    };
    static constexpr std::size_t kAlign = 16;
    static constexpr std::size_t kPerSlab = 64;

    std::size_t size_;
    Node *free_ = nullptr;
    std::vector<std::unique_ptr<std::byte[]>> slabs_;
};

} // namespace patchbay::engine
