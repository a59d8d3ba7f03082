// [control] Unites documents: see merge.hpp.
#include "json/merge.hpp"

#include "json/location.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace patchbay::json {

namespace {

// Where the objects that are being united lie.
enum class Level : std::uint8_t {
    root,
    members, // one below the root: a listener or an application is given once, whole
    deep,    // anywhere in "settings"
};

// Looking for so many names one by one costs less than an index of all that is there: thousands of
// files may come, each with one application.
constexpr std::size_t kFewNames = 8;

// Finds members by name. The members must not move meanwhile.
class Names {
public:
    Names(Value &object, std::size_t lookups) : object_(object), indexed_(lookups > kFewNames)
    {
        if (indexed_) {
            index_.reserve(object.members().size());
            for (Member &member : object.members()) {
                index_.emplace(member.name, &member);
            }
        }
    }

    Member *find(std::string_view name)
    {
        if (indexed_) {
            const auto found = index_.find(name);
            return found == index_.end() ? nullptr : found->second;
        }
        const auto found = std::find_if(object_.members().begin(), object_.members().end(),
                                        [&](const Member &member) { return member.name == name; });
        return found == object_.members().end() ? nullptr : &*found;
    }

private:
    Value &object_;
    bool indexed_;
    std::unordered_map<std::string_view, Member *> index_;
};

std::optional<MergeConflict> unite(Value &target, Value &&other, Level level)
{
    Names names(target, other.members().size());
    std::vector<Member> added;
    for (Member &member : other.members()) {
        Member *old = names.find(member.name);
        if (old == nullptr) {
            added.push_back(std::move(member));
            continue;
        }
        std::optional<MergeConflict> conflict;
        if (level != Level::members && old->value.isObject() && member.value.isObject()) {
            const bool whole = level == Level::root && member.name != "settings";
            conflict =
                unite(old->value, std::move(member.value), whole ? Level::members : Level::deep);
        } else {
            conflict = MergeConflict{"", old->nameOffset, member.nameOffset};
        }
        if (conflict) {
            std::string pointer;
            appendPointer(pointer, member.name);
            conflict->pointer.insert(0, pointer);
            return conflict;
        }
    }
    std::move(added.begin(), added.end(), std::back_inserter(target.members()));
    return std::nullopt;
}

} // namespace

std::optional<MergeConflict> mergeInto(Value &target, Value &&other)
{
    if (!target.isObject() || !other.isObject()) {
        return MergeConflict{"", target.offset(), other.offset()};
    }
    return unite(target, std::move(other), Level::root);
}

} // namespace patchbay::json
