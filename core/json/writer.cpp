// [any] Value -> JSON text: see writer.hpp.
#include "json/writer.hpp"

#include <algorithm>
#include <charconv>

namespace patchbay::json {

namespace {

void appendEscape(std::string &out, unsigned char c)
{
    constexpr std::string_view kHex = "0123456789ABCDEF";
    constexpr std::string_view kPlain = "\"\\\n\r\t\b\f";
    constexpr std::string_view kLetter = "\"\\nrtbf";
    out += '\\';
    const std::size_t index = kPlain.find(static_cast<char>(c));
    if (index != std::string_view::npos) {
        out += kLetter[index];
    } else {
        out += "u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
}

void appendNormalised(std::string &out, const Value &number)
{
    char digits[32];
    const std::to_chars_result result =
        number.isInteger() ? std::to_chars(digits, digits + sizeof(digits), number.asInteger())
                           : std::to_chars(digits, digits + sizeof(digits), number.asDouble());
    out.append(digits, result.ptr);
}

void append(std::string &out, const Value &value, bool canonical);

bool isFilled(const Value &value)
{
    return !value.items().empty() || !value.members().empty();
}

void breakLine(std::string &out, std::size_t depth)
{
    out += "\r\n";
    out.append(depth, '\t');
}

// The rest of a line that has begun at `depth`, and the lines inside the value.
void appendPretty(std::string &out, const Value &value, std::size_t depth)
{
    if (!isFilled(value)) {
        append(out, value, false);
        return;
    }
    out += value.isObject() ? '{' : '[';
    const Member *previous = nullptr;
    for (const Member &member : value.members()) {
        if (previous != nullptr) {
            out += isFilled(previous->value) ? ",\r\n" : ",";
        }
        previous = &member;
        breakLine(out, depth + 1);
        appendQuoted(out, member.name);
        out += ": ";
        appendPretty(out, member.value, depth + 1);
    }
    for (const Value &item : value.items()) {
        out += &item == value.items().data() ? "" : ",";
        breakLine(out, depth + 1);
        appendPretty(out, item, depth + 1);
    }
    breakLine(out, depth);
    out += value.isObject() ? '}' : ']';
}

void appendArray(std::string &out, const Value &value, bool canonical)
{
    out += '[';
    for (const Value &item : value.items()) {
        if (&item != value.items().data()) {
            out += ',';
        }
        append(out, item, canonical);
    }
    out += ']';
}

void appendObject(std::string &out, const Value &value, bool canonical)
{
    std::vector<const Member *> order;
    order.reserve(value.members().size());
    for (const Member &member : value.members()) {
        order.push_back(&member);
    }
    if (canonical) {
        std::sort(order.begin(), order.end(),
                  [](const Member *a, const Member *b) { return a->name < b->name; });
    }
    out += '{';
    for (std::size_t i = 0; i < order.size(); ++i) {
        if (i > 0) {
            out += ',';
        }
        appendQuoted(out, order[i]->name);
        out += ':';
        append(out, order[i]->value, canonical);
    }
    out += '}';
}

void append(std::string &out, const Value &value, bool canonical)
{
    switch (value.kind()) {
    case Kind::null:
        out += "null";
        return;
    case Kind::boolean:
        out += value.asBool() ? "true" : "false";
        return;
    case Kind::integer:
    case Kind::fraction:
        canonical ? appendNormalised(out, value) : void(out += value.text());
        return;
    case Kind::string:
        appendQuoted(out, value.text());
        return;
    case Kind::array:
        appendArray(out, value, canonical);
        return;
    case Kind::object:
        appendObject(out, value, canonical);
        return;
    }
}

} // namespace

void appendQuoted(std::string &out, std::string_view text)
{
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || c == '"' || c == '\\') {
            appendEscape(out, byte);
        } else {
            out += c;
        }
    }
    out += '"';
}

std::string quote(std::string_view text)
{
    std::string out;
    appendQuoted(out, text);
    return out;
}

std::string writeCompact(const Value &value)
{
    std::string out;
    append(out, value, false);
    return out;
}

std::string writePretty(const Value &value)
{
    std::string out;
    appendPretty(out, value, 0);
    return out += "\r\n";
}

std::string writeCanonical(const Value &value)
{
    std::string out;
    append(out, value, true);
    return out;
}

} // namespace patchbay::json
