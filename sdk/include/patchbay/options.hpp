// Options of an instance without a JSON library: the members of the object that create() gets, as
// far as they are texts, numbers and booleans. The text has passed the module's schema, so a type
// that the schema demands need not be asked for again; what is nested is handed out as JSON.
//
//   const patchbay::sdk::Options given(options);
//   backlog_ = given.integer("backlog").value_or(128);
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace patchbay::sdk {

class Options {
public:
    // Borrows the text. Everything throws std::invalid_argument for what is no JSON object.
    explicit Options(std::string_view json) : json_(json) {}

    // JSON of the member; empty: there is none.
    std::string_view raw(std::string_view name) const
    {
        std::string_view rest = json_;
        expect(rest, '{');
        if (peek(rest) == '}') {
            return {};
        }
        for (;;) {
            const std::string key = decoded(value(rest));
            expect(rest, ':');
            const std::string_view content = value(rest);
            if (key == name) {
                return content;
            }
            if (peek(rest) == '}') {
                return {};
            }
            expect(rest, ',');
        }
    }
    // Nothing: there is no such member, or it is of another type.
    std::optional<std::string> text(std::string_view name) const
    {
        const std::string_view content = raw(name);
        return content.starts_with('"') ? std::optional(decoded(content)) : std::nullopt;
    }
    std::optional<std::int64_t> integer(std::string_view name) const
    {
        const std::string_view content = raw(name);
        if (content.empty() || (content[0] != '-' && (content[0] < '0' || content[0] > '9'))) {
            return {};
        }
        std::int64_t number = 0;
        const auto end = content.data() + content.size();
        if (std::from_chars(content.data(), end, number).ptr != end) { // 5.11e2 is one, too
            number = static_cast<std::int64_t>(std::strtod(std::string(content).c_str(), nullptr));
        }
        return number;
    }
    std::optional<bool> boolean(std::string_view name) const
    {
        const std::string_view content = raw(name);
        return content == "true"    ? std::optional(true)
               : content == "false" ? std::optional(false)
                                    : std::nullopt;
    }

private:
    static char peek(std::string_view &rest)
    {
        const auto at = rest.find_first_not_of(" \t\r\n");
        if (at == rest.npos) {
            throw std::invalid_argument("the options are no JSON object: they end too early");
        }
        rest.remove_prefix(at);
        return rest.front();
    }
    static void expect(std::string_view &rest, char wanted)
    {
        if (peek(rest) != wanted) {
            throw std::invalid_argument(std::string("the options are no JSON object: a \"") +
                                        wanted + "\" is missing");
        }
        rest.remove_prefix(1);
    }

    // The next value, off the front of the rest: a text, something in brackets, or a word.
    static std::string_view value(std::string_view &rest)
    {
        peek(rest);
        std::size_t depth = 0;
        std::size_t at = 0;
        bool inText = false;
        for (; at < rest.size(); at++) {
            const char c = rest[at];
            if (inText) {
                at += c == '\\' ? 1 : 0;
                inText = c != '"';
            } else if (c == '"') {
                inText = true;
            } else if (c == '{' || c == '[') {
                depth++;
            } else if (depth == 0 && (c == ',' || c == ':' || c == '}' || c == ']')) {
                break;
            } else if (c == '}' || c == ']') {
                depth--;
            }
        }
        std::string_view found = rest.substr(0, at);
        rest.remove_prefix(found.size());
        found = found.substr(0, found.find_last_not_of(" \t\r\n") + 1);
        if (found.empty()) {
            throw std::invalid_argument("the options are no JSON object: a value is missing");
        }
        return found;
    }

    static std::uint32_t unit(std::string_view text, std::size_t at)
    {
        std::uint32_t number = 0;
        const std::string_view digits = text.substr(std::min(at, text.size()), 4);
        std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
        return number;
    }
    static void appendUtf8(std::string &out, std::uint32_t code)
    {
        const auto byte = [&](std::uint32_t bits) { out += static_cast<char>(bits); };
        if (code < 0x80) {
            byte(code);
        } else if (code < 0x800) {
            byte(0xC0 | code >> 6);
            byte(0x80 | (code & 0x3F));
        } else if (code < 0x10000) {
            byte(0xE0 | code >> 12);
            byte(0x80 | (code >> 6 & 0x3F));
            byte(0x80 | (code & 0x3F));
        } else {
            byte(0xF0 | code >> 18);
            byte(0x80 | (code >> 12 & 0x3F));
            byte(0x80 | (code >> 6 & 0x3F));
            byte(0x80 | (code & 0x3F));
        }
    }
    // The content of a JSON text with its quotes.
    static std::string decoded(std::string_view quoted)
    {
        constexpr std::string_view kLetters = "bfnrt";
        constexpr std::string_view kMeanings = "\b\f\n\r\t";
        if (quoted.size() < 2 || quoted.front() != '"' || quoted.back() != '"') {
            throw std::invalid_argument("the options are no JSON object: a name is missing");
        }
        const std::string_view text = quoted.substr(1, quoted.size() - 2);
        std::string out;
        for (std::size_t at = 0; at < text.size(); at++) {
            if (text[at] != '\\' || at + 1 == text.size()) {
                out += text[at];
                continue;
            }
            at++;
            if (const auto letter = kLetters.find(text[at]); letter != kLetters.npos) {
                out += kMeanings[letter];
            } else if (text[at] == 'u') {
                std::uint32_t code = unit(text, at + 1);
                at += 4;
                if (code >= 0xD800 && code < 0xDC00) { // the first half of a pair
                    code = 0x10000 + ((code - 0xD800) << 10) + (unit(text, at + 3) - 0xDC00);
                    at += 6;
                }
                appendUtf8(out, code);
            } else {
                out += text[at]; // a quote, a slash, a backslash
            }
        }
        return out;
    }

    std::string_view json_;
};

} // namespace patchbay::sdk
