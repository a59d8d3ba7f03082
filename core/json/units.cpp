// [control] "30s" -> 30: see units.hpp.
#include "json/units.hpp"

#include "json/schema.hpp"
#include "json/schema_node.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace patchbay::json {

namespace {

constexpr std::int64_t kLargest = 99'999'999'999'999; // 14 digits, as many as the reader takes

struct Suffix {
    std::string_view text;
    std::int64_t factor;
};

constexpr std::array<Suffix, 4> kSeconds{{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
constexpr std::array<Suffix, 3> kBytes{{{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}}};

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::optional<std::int64_t> times(std::int64_t number, std::int64_t factor)
{
    return number <= kLargest / factor ? std::optional(number * factor) : std::nullopt;
}

std::optional<std::int64_t> seconds(std::int64_t number, std::string_view suffix)
{
    if (suffix == "ms") {
        return number % 1000 == 0 ? times(number / 1000, 1) : std::nullopt;
    }
    for (const Suffix &known : kSeconds) {
        if (suffix == known.text) {
            return times(number, known.factor);
        }
    }
    return std::nullopt;
}

std::optional<std::int64_t> bytes(std::int64_t number, std::string_view suffix)
{
    std::string letters(suffix.substr(0, 4));
    std::transform(letters.begin(), letters.end(), letters.begin(), lower);
    for (const Suffix &known : kBytes) {
        const std::string letter(known.text);
        if (letters == letter || letters == letter + "b" || letters == letter + "ib") {
            return times(number, known.factor);
        }
    }
    return std::nullopt;
}

void convert(Value &value, const SchemaNode &node, std::string_view name, Rules *rules)
{
    if (node.quantity != Quantity::none && value.isString()) {
        if (const std::optional<std::int64_t> number = parseQuantity(value.text(), node.quantity)) {
            const std::size_t offset = value.offset();
            value = Value::integer(*number);
            value.setOffset(offset);
        }
        return;
    }
    if (node.kinds != 0 && (node.kinds & kindBit(value.kind())) == 0) {
        return;
    }
    if (!node.select.empty()) {
        Report ignored;
        const Schema *chosen =
            rules != nullptr ? rules->select(node.select, name, value, ignored) : nullptr;
        if (chosen != nullptr) {
            convertUnits(value, *chosen, rules);
        }
        return;
    }
    for (Member &member : value.members()) {
        const SchemaNode *property = node.property(member.name);
        property = property != nullptr ? property : node.additional.get();
        if (property != nullptr) {
            convert(member.value, *property, member.name, rules);
        }
    }
    if (node.items != nullptr) {
        for (Value &item : value.items()) {
            convert(item, *node.items, name, rules);
        }
    }
}

} // namespace

Quantity quantityNamed(std::string_view name)
{
    return name == "seconds" ? Quantity::seconds
           : name == "bytes" ? Quantity::bytes
                             : Quantity::none;
}

std::optional<std::int64_t> parseQuantity(std::string_view text, Quantity kind)
{
    std::int64_t number = 0;
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || text.starts_with('-')) {
        return std::nullopt;
    }
    const std::string_view suffix(stop, static_cast<std::size_t>(end - stop));
    return kind == Quantity::seconds ? seconds(number, suffix) : bytes(number, suffix);
}

std::string_view quantityPattern(Quantity kind)
{
    return kind == Quantity::seconds ? "^([0-9]+[smhd]|[0-9]+000ms|0+ms)$"
                                     : "^[0-9]+[kKmMgG]([iI]?[bB])?$";
}

std::vector<std::string> quantityExamples(Quantity kind)
{
    return kind == Quantity::seconds ? std::vector<std::string>{"30s", "5m", "2h", "1d"}
                                     : std::vector<std::string>{"64k", "8m", "1g"};
}

void convertUnits(Value &root, const Schema &schema, Rules *rules)
{
    convert(root, *schema.node_, "", rules);
}

} // namespace patchbay::json
