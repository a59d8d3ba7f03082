// Router process, engine threads. Before: http/request_parser made the fields. After: encoder.cpp
// writes them.
#include "field_groups.hpp"

#include "patchbay/module.hpp"

#include <algorithm>

namespace patchbay::python {

namespace {

constexpr unsigned char mapped(char c)
{
    return kEnvironBytes[static_cast<unsigned char>(c)];
}

constexpr std::string_view kPrefix = "HTTP_";
constexpr std::size_t kSlots = 256;

// Length and three letters tell nearly all known names apart.
constexpr std::size_t slotOf(std::string_view name)
{
    const std::size_t first = mapped(name.front());
    const std::size_t middle = mapped(name[name.size() / 2]);
    const std::size_t last = mapped(name.back());
    return (name.size() * 37 + first * 5 + middle * 11 + last * 3) % kSlots;
}

// Open addressing, less than half full: 0 ends a search.
constexpr auto kSlotTable = [] {
    std::array<std::uint8_t, kSlots> table{};
    for (std::size_t key = 1; key < kKeyNames.size(); ++key) {
        if (kKeyNames[key].starts_with(kPrefix)) {
            std::size_t slot = slotOf(kKeyNames[key].substr(kPrefix.size()));
            while (table[slot] != 0) {
                slot = (slot + 1) % kSlots;
            }
            table[slot] = static_cast<std::uint8_t>(key);
        }
    }
    return table;
}();

bool equals(std::string_view fieldName, std::string_view environName) noexcept
{
    return std::equal(fieldName.begin(), fieldName.end(), environName.begin(), environName.end(),
                      [](char a, char b) { return mapped(a) == static_cast<unsigned char>(b); });
}

std::uint8_t findKey(std::string_view fieldName) noexcept
{
    if (fieldName.empty()) {
        return kOwnName;
    }
    std::size_t slot = slotOf(fieldName);
    while (kSlotTable[slot] != 0) {
        if (equals(fieldName, kKeyNames[kSlotTable[slot]].substr(kPrefix.size()))) {
            return kSlotTable[slot];
        }
        slot = (slot + 1) % kSlots;
    }
    return kOwnName;
}

// By size, then by what the names become. 0: the same environ key.
int compareNames(std::string_view a, std::string_view b) noexcept
{
    if (a.size() != b.size()) {
        return a.size() < b.size() ? -1 : 1;
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
        const int difference = mapped(a[i]) - mapped(b[i]);
        if (difference != 0) {
            return difference;
        }
    }
    return 0;
}

} // namespace

bool sameSpelling(std::string_view a, std::string_view b) noexcept
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char one, char other) {
        return lowerByte(static_cast<unsigned char>(one)) ==
               lowerByte(static_cast<unsigned char>(other));
    });
}

FieldGroups::FieldGroups(const pb_field *fields, std::size_t count) noexcept
    : count_(std::min(count, kMaxFields))
{
    std::array<std::uint16_t, kKeyNames.size()> last;
    last.fill(kNone);
    std::size_t unknown = 0;
    for (std::size_t i = 0; i < count_; ++i) {
        const auto field = static_cast<std::uint16_t>(i);
        const std::uint8_t key = findKey(sdk::view(fields[i].name));
        key_[i] = key;
        next_[i] = kNone;
        repeats_[i] = false;
        if (key == kOwnName) {
            unknown_[unknown++] = field;
        } else {
            if (last[key] != kNone) {
                link(last[key], field);
            }
            last[key] = field;
        }
    }
    if (unknown > 1) {
        groupUnknown(fields, unknown);
    }
}

// Sorting, not hashing: no client can choose names that make it slow.
void FieldGroups::groupUnknown(const pb_field *fields, std::size_t unknown) noexcept
{
    const auto name = [&](std::uint16_t field) { return sdk::view(fields[field].name); };
    std::sort(unknown_.begin(), unknown_.begin() + static_cast<std::ptrdiff_t>(unknown),
              [&](std::uint16_t a, std::uint16_t b) {
                  const int order = compareNames(name(a), name(b));
                  return order != 0 ? order < 0 : a < b;
              });
    for (std::size_t i = 1; i < unknown; ++i) {
        if (compareNames(name(unknown_[i - 1]), name(unknown_[i])) == 0) {
            link(unknown_[i - 1], unknown_[i]);
        }
    }
}

void FieldGroups::link(std::uint16_t earlier, std::uint16_t later) noexcept
{
    next_[earlier] = later;
    repeats_[later] = true;
}

} // namespace patchbay::python
