// See value_diff.hpp.
#include "ctl/value_diff.hpp"

#include "ctl/printable.hpp"
#include "json/writer.hpp"

namespace patchbay::ctl {
namespace {

constexpr std::size_t kLongest = 200; // characters of a value that are shown

std::string shown(const json::Value &value)
{
    return shortened(printable(json::writeCompact(value)), kLongest);
}

std::string line(const json::Value &difference)
{
    const json::Value *before = difference.find("before");
    const json::Value *after = difference.find("after");
    const std::string pointer(difference.stringOf("pointer"));
    std::string text = before == nullptr ? "+ " : after == nullptr ? "- " : "~ ";
    text += (pointer.empty() ? "/" : printable(pointer)) + ": ";
    if (before != nullptr) {
        text += shown(*before);
    }
    if (before != nullptr && after != nullptr) {
        text += " -> ";
    }
    if (after != nullptr) {
        text += shown(*after);
    }
    return text + "\n";
}

} // namespace

std::string differencesText(const json::Value &changed)
{
    std::string out;
    for (const json::Value &difference : changed.items()) {
        out += line(difference);
    }
    return out;
}

} // namespace patchbay::ctl
