#include "router/http/request_target.hpp"

#include "router/http/characters.hpp"

#include <algorithm>

namespace patchbay::http {
namespace {

// "%XX" at text[i], i on the '%'. Nothing: bad, short, or NUL.
std::optional<char> decodeAt(std::string_view text, std::size_t i) noexcept
{
    if (text.size() - i < 3) {
        return std::nullopt;
    }
    int high = hexDigit(text[i + 1]);
    int low = hexDigit(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) {
        return std::nullopt;
    }
    return static_cast<char>(high * 16 + low);
}

// Builds the normalised path segment by segment; never longer than what it is made of.
class PathBuilder {
public:
    explicit PathBuilder(char *out) noexcept : out_(out) { out_[0] = '/'; }

    void add(char c) noexcept { out_[size_++] = c; }

    // A '/' (slash) or the end of the path. False: above the root.
    bool endSegment(bool slash) noexcept
    {
        std::string_view segment{out_ + segment_, size_ - segment_};
        if (segment == ".") {
            size_ = segment_;
        } else if (segment == "..") {
            if (segment_ == 1) {
                return false;
            }
            size_ = segment_ - 1;
            while (out_[size_ - 1] != '/') {
                size_--;
            }
        } else if (!segment.empty() && slash) {
            out_[size_++] = '/';
        }
        segment_ = size_;
        return true;
    }

    std::string_view result() const noexcept { return {out_, size_}; }

private:
    char *out_;
    std::size_t size_ = 1;
    std::size_t segment_ = 1; // where the current segment starts
};

// path starts with '/'. A decoded '/' or '.' counts like a plain one.
std::optional<std::string_view> normalise(std::string_view path, Arena &arena) noexcept
{
    PathBuilder builder(arena.array<char>(path.size()));
    for (std::size_t i = 1; i < path.size(); i++) {
        char c = path[i];
        if (c == '%') {
            auto decoded = decodeAt(path, i);
            if (!decoded) {
                return std::nullopt;
            }
            c = *decoded;
            i += 2;
        }
        if (c != '/') {
            builder.add(c);
        } else if (!builder.endSegment(true)) {
            return std::nullopt;
        }
    }
    if (!builder.endSegment(false)) {
        return std::nullopt;
    }
    return builder.result();
}

// Splits origin form text; text starts with '/'.
bool splitPath(Target &target, Arena &arena) noexcept
{
    std::string_view text = target.text;
    bool plain = true;
    std::size_t i = 1;
    for (; i < text.size(); i++) {
        char c = text[i];
        if ((classOf(c) & kTargetMark) == 0) {
            continue;
        }
        if (c == '?' || c == '#') {
            break;
        }
        plain = plain && c != '%' && text[i - 1] != '/'; // "//" or "/."
    }
    std::string_view path = text.substr(0, i);
    if (i < text.size() && text[i] == '?') {
        std::string_view query = text.substr(i + 1);
        target.query = query.substr(0, query.find('#'));
    }
    if (plain) {
        target.path = path;
        return true;
    }
    auto normalised = normalise(path, arena);
    target.path = normalised.value_or(std::string_view());
    return normalised.has_value();
}

// "http://host[/path]": authority and the origin form of the rest.
bool splitAbsolute(std::string_view text, Target &target, Arena &arena) noexcept
{
    std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) {
        return false;
    }
    std::string_view name = text.substr(0, scheme);
    if (!equalsIgnoreCase(name, "http") && !equalsIgnoreCase(name, "https")) {
        return false;
    }
    text.remove_prefix(scheme + 3);
    std::size_t end = std::min(text.find_first_of("/?#"), text.size());
    target.authority = text.substr(0, end);
    text.remove_prefix(end);
    if (text.empty()) {
        target.text = "/";
    } else if (text.front() == '/') {
        target.text = text;
    } else {
        char *out = arena.array<char>(text.size() + 1);
        out[0] = '/';
        std::memcpy(out + 1, text.data(), text.size());
        target.text = {out, text.size() + 1};
    }
    return !target.authority.empty() && isValidHost(target.authority) &&
           target.authority.find('@') == std::string_view::npos;
}

} // namespace

std::optional<Target> parseTarget(std::string_view text, Arena &arena) noexcept
{
    Target target;
    if (!text.empty() && text.front() == '/') {
        target.text = text;
    } else if (!splitAbsolute(text, target, arena)) {
        return std::nullopt;
    }
    return splitPath(target, arena) ? std::optional(target) : std::nullopt;
}

bool isValidHost(std::string_view host) noexcept
{
    for (std::size_t i = 0; i < host.size(); i++) {
        if (host[i] == '/' || (host[i] == '.' && i + 1 < host.size() && host[i + 1] == '.')) {
            return false;
        }
    }
    return true;
}

std::string_view serverNameOf(std::string_view host, Arena &arena) noexcept
{
    std::size_t from = host.starts_with('[') ? host.find(']') : 0; // colons of an IPv6 literal
    std::string_view name = host.substr(0, host.find(':', from));
    if (name.ends_with('.')) {
        name.remove_suffix(1);
    }
    if (name.empty()) {
        return "localhost";
    }
    if (std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
        return name;
    }
    char *out = arena.array<char>(name.size());
    std::transform(name.begin(), name.end(), out, toLower);
    return {out, name.size()};
}

} // namespace patchbay::http
