// [control] See pass_target.hpp. Used by config_rules (is it valid?) and config_document.
#include "router/control/pass_target.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace patchbay::control {
namespace {

constexpr std::size_t kPassParts = 3;

// Nothing if a '%' is not followed by two hexadecimal digits.
std::optional<std::string> percentDecoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        unsigned byte = 0;
        const std::string_view digits = text.substr(i + 1, 2);
        const char *end = digits.data() + digits.size();
        if (digits.size() != 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end) {
            return std::nullopt;
        }
        out += static_cast<char>(byte);
        i += 2;
    }
    return out;
}

// How a name is written in `pass`.
std::string escaped(std::string_view name)
{
    std::string out;
    for (const char c : name) {
        if (c == '/') {
            out += "%2F";
        } else if (c == '%') {
            out += "%25";
        } else {
            out += c;
        }
    }
    return out;
}

} // namespace

std::vector<std::string> passParts(std::string_view pass)
{
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= pass.size();) {
        const std::size_t end = std::min(pass.find('/', begin), pass.size());
        std::optional<std::string> part = percentDecoded(pass.substr(begin, end - begin));
        if (!part || part->empty() || parts.size() == kPassParts) {
            return {};
        }
        parts.push_back(std::move(*part));
        begin = end + 1;
    }
    return parts;
}

PassTarget passTarget(std::string_view pass)
{
    std::vector<std::string> parts = passParts(pass);
    parts.resize(kPassParts);
    return {std::move(parts[1]), std::move(parts[2])};
}

std::string passFor(std::string_view application, std::string_view target)
{
    std::string pass = "applications/" + escaped(application);
    return target.empty() ? pass : pass + '/' + escaped(target);
}

} // namespace patchbay::control
