// Objects of one engine that are used again instead of being freed: the steady state allocates
// nothing. Not thread-safe: one per engine.
#pragma once

#include <cstddef>
#include <memory>
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

} // namespace patchbay::engine
