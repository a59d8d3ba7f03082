// See missing.hpp.
#include "ctl/missing.hpp"

#include "ctl/printable.hpp"
#include "json/location.hpp"
#include "json/nearest.hpp"

#include <charconv>

namespace patchbay::ctl {
namespace {

constexpr std::size_t kMostNames = 20;

const json::Value *child(const json::Value &value, const std::string &name)
{
    if (!value.isArray()) {
        return value.find(name);
    }
    std::size_t index = 0;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), index);
    const bool whole = error == std::errc() && stop == name.data() + name.size();
    return whole && index < value.items().size() ? &value.items()[index] : nullptr;
}

// What there is instead.
std::string present(const json::Value &value, const std::string &name)
{
    if (value.isArray()) {
        return " It is an array with " + std::to_string(value.items().size()) + " elements from 0.";
    }
    if (!value.isObject()) {
        return " It is " + std::string(json::kindName(value.kind())) + ".";
    }
    std::vector<std::string> names;
    for (const json::Member &member : value.members()) {
        names.push_back(member.name);
    }
    const std::string near = json::nearest(name, names);
    if (!near.empty()) {
        return " Did you mean \"" + printable(near) + "\"?";
    }
    std::string out = names.empty() ? " It is empty" : " There are: ";
    for (std::size_t i = 0; i < names.size() && i < kMostNames; ++i) {
        out += (i == 0 ? "\"" : ", \"") + printable(names[i]) + "\"";
    }
    return out + (names.size() > kMostNames ? ", ..." : ".");
}

} // namespace

std::string missingText(const json::Value &root, const std::vector<std::string> &parts)
{
    const json::Value *at = &root;
    std::string pointer;
    for (const std::string &part : parts) {
        const json::Value *next = child(*at, part);
        if (next == nullptr) {
            return (pointer.empty() ? "The configuration" : printable(pointer)) + " has no \"" +
                   printable(part) + "\"." + present(*at, part);
        }
        json::appendPointer(pointer, part);
        at = next;
    }
    return {};
}

} // namespace patchbay::ctl
