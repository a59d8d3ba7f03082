// See printable.hpp. Names and messages come from configurations and applications: hostile.
#include "ctl/printable.hpp"

#include "json/location.hpp"

namespace patchbay::ctl {
namespace {

void appendHex(std::string &out, std::string_view bytes)
{
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += "\\x";
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
}

// ASCII's control characters and U+0080 to U+009F, which terminals obey as well.
bool isControl(std::string_view character)
{
    const auto first = static_cast<unsigned char>(character[0]);
    return first < 0x20 || first == 0x7F ||
           (first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0);
}

void appendPrintable(std::string &out, std::string_view text, bool tabs)
{
    while (!text.empty()) {
        const std::size_t size = json::utf8Length(text);
        const std::string_view character = text.substr(0, size == 0 ? 1 : size);
        if (tabs && character == "\t") {
            out += '\t';
        } else if (size == 0 || isControl(character)) {
            appendHex(out, character);
        } else {
            out += character;
        }
        text.remove_prefix(character.size());
    }
}

} // namespace

std::string printable(std::string_view text)
{
    std::string out;
    appendPrintable(out, text, false);
    return out;
}

std::string indented(std::string_view text, std::string_view indent)
{
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        out += indent;
        appendPrintable(out, line, true);
        out += '\n';
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::string shortened(std::string text, std::size_t most)
{
    std::size_t bytes = 0;
    for (std::size_t count = 0; bytes < text.size() && count < most; ++count) {
        bytes += std::max<std::size_t>(json::utf8Length(std::string_view(text).substr(bytes)), 1);
    }
    if (bytes < text.size()) {
        text.resize(bytes);
        text += "...";
    }
    return text;
}

std::size_t characters(std::string_view text)
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

std::string unixLines(std::string text)
{
    std::size_t kept = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') {
            text[kept++] = text[i];
        }
    }
    text.resize(kept);
    return text;
}

} // namespace patchbay::ctl
