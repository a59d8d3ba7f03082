// [any] The character classes of HTTP and the small string helpers that the parsers share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace patchbay::http {

enum CharacterClass : std::uint8_t {
    kToken = 1,      // may be in a field name (RFC 9110)
    kSafeName = 2,   // letters, digits and '-': what discard_unsafe_fields lets pass
    kMethod = 4,     // A-Z _ -
    kTargetEnd = 8,  // not part of a request target: controls, space, DEL
    kTargetMark = 16 // % / . ? # : what a plain path scan has to look at
};

namespace detail {

consteval std::array<std::uint8_t, 256> makeClasses()
{
    std::array<std::uint8_t, 256> table{};
    auto add = [&table](std::string_view characters, unsigned bits) {
        for (char c : characters) {
            auto &entry = table[static_cast<unsigned char>(c)];
            entry = static_cast<std::uint8_t>(entry | bits);
        }
    };
    constexpr std::string_view upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    add(upper, kToken | kSafeName | kMethod);
    add("abcdefghijklmnopqrstuvwxyz0123456789", kToken | kSafeName);
    add("-", kToken | kSafeName | kMethod);
    add("_", kToken | kMethod);
    add("!#$%&'*+.^`|~", kToken);
    add("%/.?#", kTargetMark);
    for (unsigned c = 0; c <= 0x20; c++) {
        table[c] = kTargetEnd;
    }
    table[0x7f] = kTargetEnd;
    return table;
}

inline constexpr std::array<std::uint8_t, 256> kClasses = makeClasses();

} // namespace detail

inline std::uint8_t classOf(char c) noexcept
{
    return detail::kClasses[static_cast<unsigned char>(c)];
}

inline char toLower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// lower: a literal in lower case.
inline bool equalsIgnoreCase(std::string_view text, std::string_view lower) noexcept
{
    if (text.size() != lower.size()) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); i++) {
        if (toLower(text[i]) != lower[i]) {
            return false;
        }
    }
    return true;
}

inline bool isToken(std::string_view text) noexcept
{
    for (char c : text) {
        if ((classOf(c) & kToken) == 0) {
            return false;
        }
    }
    return !text.empty();
}

inline bool isBlank(char c) noexcept
{
    return c == ' ' || c == '\t';
}

inline std::string_view trimBlanks(std::string_view text) noexcept
{
    while (!text.empty() && isBlank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && isBlank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

inline bool isControl(char c) noexcept
{
    return static_cast<unsigned char>(c) < 0x20 && c != '\t';
}

// True if there is a control character other than tab; eight bytes at a time. DEL passes.
inline bool hasControl(std::string_view text) noexcept
{
    constexpr std::size_t kWord = 8;
    constexpr std::uint64_t kSpaces = 0x2020202020202020U;
    constexpr std::uint64_t kTops = 0x8080808080808080U;
    auto anyOf = [](const char *p, std::size_t size) {
        for (std::size_t i = 0; i < size; i++) {
            if (isControl(p[i])) {
                return true;
            }
        }
        return false;
    };
    auto wordHas = [&anyOf](const char *p) {
        std::uint64_t word;
        std::memcpy(&word, p, kWord);
        bool below = ((word - kSpaces) & ~word & kTops) != 0; // a byte below 0x20; maybe a tab
        return below && anyOf(p, kWord);
    };
    if (text.size() < kWord) {
        return anyOf(text.data(), text.size());
    }
    const char *last = text.data() + text.size() - kWord;
    for (const char *p = text.data(); p < last; p += kWord) {
        if (wordHas(p)) {
            return true;
        }
    }
    return wordHas(last); // may look at some bytes again
}

// Digits only, below 2^63; nothing else in the text.
inline std::optional<std::uint64_t> parseLength(std::string_view text) noexcept
{
    constexpr std::uint64_t kMax = INT64_MAX;
    std::uint64_t value = 0;
    for (char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (kMax - digit) / 10) {
            return std::nullopt;
        }
        value = value * 10 + digit;
    }
    return text.empty() ? std::nullopt : std::optional(value);
}

// -1 if it is none.
inline int hexDigit(char c) noexcept
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = toLower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

} // namespace patchbay::http
