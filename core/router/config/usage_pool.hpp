// [control] Objects shared by configuration generations: the same key gives the same object for as
// long as somebody uses it (seed S02). The pool itself keeps nothing alive.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace patchbay::config {

template <class T>
class UsagePool {
public:
    // The object in use under `key`, else what make() returns (something that converts to
    // std::shared_ptr<T>). A throw of make() leaves no trace.
    template <class Make>
    std::shared_ptr<T> acquire(const std::string &key, Make &&make)
    {
        if (std::shared_ptr<T> known = find(key)) {
            return known;
        }
        std::shared_ptr<T> made = std::forward<Make>(make)();
        if (objects_.size() >= sweepAt_) {
            forgetUnused();
        }
        objects_.insert_or_assign(key, made);
        return made;
    }

    std::shared_ptr<T> find(const std::string &key) const
    {
        auto found = objects_.find(key);
        return found == objects_.end() ? nullptr : found->second.lock();
    }

    // From now on the key stands for a new object, whoever still uses the old one.
    void forget(const std::string &key) { objects_.erase(key); }

    std::size_t inUse() const
    {
        std::size_t count = 0;
        for (const auto &[key, object] : objects_) {
            count += object.expired() ? 0 : 1;
        }
        return count;
    }

    // Keys stored, those of unused objects included.
    std::size_t size() const noexcept { return objects_.size(); }

private:
    void forgetUnused()
    {
        std::erase_if(objects_, [](const auto &entry) { return entry.second.expired(); });
        sweepAt_ = std::max(kFirstSweep, 2 * objects_.size());
    }

    static constexpr std::size_t kFirstSweep = 16;

    std::unordered_map<std::string, std::weak_ptr<T>> objects_;
    // Looking for unused ones each time would make n new objects cost n * n.
    std::size_t sweepAt_ = kFirstSweep;
};

} // namespace patchbay::config
