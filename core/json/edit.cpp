// [control] Changes one part of a document: see edit.hpp.
#include "json/edit.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace patchbay::json {

namespace {

// Nothing if the text is not all digits, or more than any array has elements.
std::optional<std::size_t> indexOf(std::string_view text)
{
    std::size_t index = 0;
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, index); // takes no sign
    return error == std::errc() && stop == end ? std::optional(index) : std::nullopt;
}

// Null if there is no such child, or this is a scalar.
Value *child(Value &parent, const std::string &name)
{
    if (parent.isObject()) {
        return parent.find(name);
    }
    const std::optional<std::size_t> index = indexOf(name);
    return index && *index < parent.items().size() ? &parent.items()[*index] : nullptr;
}

// What the first `depth` names of the path lead to.
Value *descend(Value &root, const Path &path, std::size_t depth)
{
    Value *value = &root;
    for (std::size_t i = 0; i < depth && value != nullptr; ++i) {
        value = child(*value, path[i]);
    }
    return value;
}

// Which member has the name: views into the names of a vector that must not change meanwhile.
using Index = std::unordered_map<std::string_view, std::size_t>;

Index indexMembers(const std::vector<Member> &members)
{
    Index index;
    index.reserve(members.size());
    for (std::size_t i = 0; i < members.size(); ++i) {
        index.emplace(members[i].name, i);
    }
    return index;
}

void removeMarked(std::vector<Member> &members, const std::vector<bool> &marked)
{
    std::size_t kept = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (!marked[i]) {
            if (kept != i) {
                members[kept] = std::move(members[i]);
            }
            ++kept;
        }
    }
    members.resize(kept);
}

} // namespace

const Value *at(const Value &root, const Path &path)
{
    return descend(const_cast<Value &>(root), path, path.size()); // only looks
}

Edited put(Value &root, const Path &path, Value value)
{
    if (path.empty()) {
        root = std::move(value);
        return Edited::done;
    }
    Value *parent = descend(root, path, path.size() - 1);
    if (parent == nullptr) {
        return Edited::notFound;
    }
    const std::string &name = path.back();
    if (Value *old = child(*parent, name)) {
        *old = std::move(value);
    } else if (parent->isObject()) {
        parent->add(name, std::move(value));
    } else if (parent->isArray() && indexOf(name) == parent->items().size()) {
        parent->append(std::move(value));
    } else {
        return Edited::notFound;
    }
    return Edited::done;
}

Edited append(Value &root, const Path &path, Value value)
{
    Value *array = descend(root, path, path.size());
    if (array == nullptr) {
        return Edited::notFound;
    }
    if (!array->isArray()) {
        return Edited::notArray;
    }
    array->append(std::move(value));
    return Edited::done;
}

Edited remove(Value &root, const Path &path)
{
    if (path.empty()) {
        root = Value::object();
        return Edited::done;
    }
    Value *parent = descend(root, path, path.size() - 1);
    if (parent == nullptr || child(*parent, path.back()) == nullptr) {
        return Edited::notFound;
    }
    if (parent->isObject()) {
        std::erase_if(parent->members(),
                      [&](const Member &member) { return member.name == path.back(); });
    } else {
        const auto index = static_cast<std::ptrdiff_t>(*indexOf(path.back()));
        parent->items().erase(parent->items().begin() + index);
    }
    return Edited::done;
}

Value mergePatch(Value target, const Value &patch)
{
    if (!patch.isObject()) {
        return patch;
    }
    if (!target.isObject()) {
        target = Value::object();
        target.setOffset(patch.offset());
    }
    std::vector<Member> &members = target.members();
    const Index index = indexMembers(members);
    std::vector<bool> removed(members.size());
    std::vector<Member> added;
    for (const Member &change : patch.members()) {
        const bool removes = change.value.kind() == Kind::null;
        const auto found = index.find(change.name);
        if (found == index.end()) {
            if (!removes) { // an object in a patch may hold nulls that must go
                added.push_back({change.name, change.nameOffset, mergePatch({}, change.value)});
            }
        } else if (removes) {
            removed[found->second] = true;
        } else {
            Value &old = members[found->second].value;
            old = mergePatch(std::move(old), change.value);
        }
    }
    removeMarked(members, removed);
    std::move(added.begin(), added.end(), std::back_inserter(members));
    return target;
}

} // namespace patchbay::json
