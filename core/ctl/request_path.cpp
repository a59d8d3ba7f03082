// See request_path.hpp.
#include "ctl/request_path.hpp"

#include "json/location.hpp"

namespace patchbay::ctl {
namespace {

std::string withSlashes(std::string_view part)
{
    std::string out;
    for (std::size_t i = 0; i < part.size(); ++i) {
        const std::string_view three = part.substr(i, 3);
        if (three == "%2F" || three == "%2f") {
            out += '/';
            i += 2;
        } else {
            out += part[i];
        }
    }
    return out;
}

bool staysAsItIs(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~!$&'()*+,;=:@").find(c) != std::string_view::npos;
}

} // namespace

std::vector<std::string> pathParts(std::string_view path)
{
    std::vector<std::string> parts;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        if (end > 0) {
            parts.push_back(withSlashes(path.substr(0, end)));
        }
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return parts;
}

std::string encodePart(std::string_view part)
{
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : part) {
        if (staysAsItIs(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
    return out;
}

std::string configTarget(std::string_view path)
{
    std::string target = "/config";
    for (const std::string &part : pathParts(path)) {
        target += "/" + encodePart(part);
    }
    return target;
}

std::string pointerOf(std::string_view path)
{
    std::string pointer;
    for (const std::string &part : pathParts(path)) {
        json::appendPointer(pointer, part);
    }
    return pointer;
}

} // namespace patchbay::ctl
