// [any] A schema as the validator wants it: one node per schema object, immutable, shared between
// the schemas that were merged from it. Made by schema.cpp, read by validate.cpp.
#pragma once

#include "json/units.hpp"
#include "json/value.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace patchbay::json {

// A set of Kind, bit per kind. 0: any.
using KindSet = std::uint8_t;
inline constexpr KindSet kindBit(Kind kind)
{
    return static_cast<KindSet>(1u << static_cast<unsigned>(kind));
}

struct Bound {
    double value = 0;
    std::string text; // as the schema writes it
};

struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept
    {
        return std::hash<std::string_view>{}(name);
    }
};

struct SchemaNode {
    using Pointer = std::shared_ptr<const SchemaNode>;

    KindSet kinds = 0;
    std::vector<std::pair<std::string, Pointer>> properties; // in order of declaration
    std::unordered_map<std::string, std::size_t, NameHash, std::equal_to<>> index;
    std::vector<std::string> names; // of all properties, for suggestions
    std::vector<std::string> known; // of those that are built, at most kMaxKnown
    std::vector<std::string> required;
    bool closed = false; // additionalProperties: false
    Pointer additional;  // schema of members without one of their own
    Pointer items;
    std::vector<std::string> enumeration;
    std::string beginning; // of a string; empty: any
    std::string called;    // its members; empty: as anything else
    std::optional<Bound> minimum;
    std::optional<Bound> maximum;
    Quantity quantity = Quantity::none;
    bool unbuilt = false;
    std::vector<std::string> unbuiltValues;
    std::string select;
    std::string rule;

    const SchemaNode *property(std::string_view name) const
    {
        const auto found = index.find(name);
        return found == index.end() ? nullptr : properties[found->second].second.get();
    }
    // False when the name is taken.
    bool addProperty(const std::string &name, Pointer node);
};

} // namespace patchbay::json
