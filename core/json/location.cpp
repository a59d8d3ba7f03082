// [any] Lines, columns, pointers: see location.hpp.
#include "json/location.hpp"

#include "json/reader.hpp"

#include <algorithm>

namespace patchbay::json {

std::optional<Location> locate(std::string_view text, std::size_t offset) noexcept
{
    const std::string_view before = withoutBom(text).substr(0, offset);
    Location place;
    place.line += static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
    std::string_view line = before.substr(before.rfind('\n') + 1); // npos + 1 is 0
    while (!line.empty()) {
        const std::size_t size = utf8Length(line);
        if (size == 0) {
            return std::nullopt;
        }
        line.remove_prefix(size);
        ++place.column;
    }
    return place;
}

void appendPointer(std::string &pointer, std::string_view name)
{
    pointer += '/';
    for (const char c : name) {
        if (c == '~') {
            pointer += "~0";
        } else if (c == '/') {
            pointer += "~1";
        } else {
            pointer += c;
        }
    }
}

} // namespace patchbay::json
