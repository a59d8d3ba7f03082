// [any] See diff.hpp.
#include "json/diff.hpp"

#include "json/location.hpp"
#include "json/writer.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace patchbay::json {
namespace {

class Comparison {
public:
    void compare(const Value &before, const Value &after)
    {
        if (before.isObject() && after.isObject()) {
            compareObjects(before, after);
        } else if (before.isArray() && after.isArray()) {
            compareArrays(before, after);
        } else if (writeCanonical(before) != writeCanonical(after)) {
            found_.push_back({pointer_, &before, &after});
        }
    }
    std::vector<Difference> take() { return std::move(found_); }

private:
    void compareObjects(const Value &before, const Value &after)
    {
        std::unordered_map<std::string_view, const Value *> others;
        for (const Member &member : after.members()) {
            others.emplace(member.name, &member.value);
        }
        for (const Member &member : before.members()) {
            auto other = others.extract(member.name);
            inside(member.name, &member.value, other.empty() ? nullptr : other.mapped());
        }
        for (const Member &member : after.members()) {
            if (others.contains(member.name)) {
                inside(member.name, nullptr, &member.value);
            }
        }
    }
    void compareArrays(const Value &before, const Value &after)
    {
        std::size_t longer = std::max(before.items().size(), after.items().size());
        for (std::size_t i = 0; i < longer; i++) {
            inside(std::to_string(i), i < before.items().size() ? &before.items()[i] : nullptr,
                   i < after.items().size() ? &after.items()[i] : nullptr);
        }
    }
    void inside(std::string_view name, const Value *before, const Value *after)
    {
        std::size_t size = pointer_.size();
        appendPointer(pointer_, name);
        if (before != nullptr && after != nullptr) {
            compare(*before, *after);
        } else {
            found_.push_back({pointer_, before, after});
        }
        pointer_.resize(size);
    }

    std::string pointer_;
    std::vector<Difference> found_;
};

} // namespace

std::vector<Difference> differences(const Value &before, const Value &after)
{
    Comparison comparison;
    comparison.compare(before, after);
    return comparison.take();
}

} // namespace patchbay::json
