// See value_diff.hpp.
#include "ctl/value_diff.hpp"

#include "ctl/printable.hpp"
#include "json/location.hpp"
#include "json/writer.hpp"

namespace patchbay::ctl {
namespace {

using json::Value;

constexpr std::size_t kLongest = 200; // characters of a value that are shown

std::string under(const std::string &pointer, std::string_view name)
{
    std::string deeper = pointer;
    json::appendPointer(deeper, name);
    return deeper;
}

std::string shown(const Value &value)
{
    return shortened(printable(json::writeCompact(value)), kLongest);
}

class Comparison {
public:
    void compare(const Value &before, const Value &after, const std::string &pointer)
    {
        if (before.isObject() && after.isObject()) {
            compareMembers(before, after, pointer);
        } else if (before.isArray() && after.isArray()) {
            compareItems(before, after, pointer);
        } else if (json::writeCanonical(before) != json::writeCanonical(after)) {
            found_.push_back({'~', pointer, shown(before) + " -> " + shown(after)});
        }
    }
    std::vector<Difference> take() { return std::move(found_); }

private:
    void compareMembers(const Value &before, const Value &after, const std::string &pointer)
    {
        for (const json::Member &member : before.members()) {
            const Value *other = after.find(member.name);
            if (other == nullptr) {
                found_.push_back({'-', under(pointer, member.name), shown(member.value)});
            } else {
                compare(member.value, *other, under(pointer, member.name));
            }
        }
        for (const json::Member &member : after.members()) {
            if (before.find(member.name) == nullptr) {
                found_.push_back({'+', under(pointer, member.name), shown(member.value)});
            }
        }
    }

    void compareItems(const Value &before, const Value &after, const std::string &pointer)
    {
        const auto &old = before.items(), &now = after.items();
        for (std::size_t i = 0; i < std::max(old.size(), now.size()); ++i) {
            const std::string at = under(pointer, std::to_string(i));
            if (i >= now.size()) {
                found_.push_back({'-', at, shown(old[i])});
            } else if (i >= old.size()) {
                found_.push_back({'+', at, shown(now[i])});
            } else {
                compare(old[i], now[i], at);
            }
        }
    }

    std::vector<Difference> found_;
};

} // namespace

std::vector<Difference> differences(const Value &before, const Value &after)
{
    Comparison comparison;
    comparison.compare(before, after, "");
    return comparison.take();
}

std::string differencesText(const std::vector<Difference> &all)
{
    std::string out;
    for (const Difference &one : all) {
        out += one.sign;
        out += " " + (one.pointer.empty() ? "/" : printable(one.pointer)) + ": " + one.text + "\n";
    }
    return out;
}

} // namespace patchbay::ctl
