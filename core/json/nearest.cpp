// [any] Damerau-Levenshtein distance: see nearest.hpp.
#include "json/nearest.hpp"

#include <algorithm>
#include <array>

namespace patchbay::json {

namespace {

constexpr std::size_t kLimit = 2;
constexpr std::size_t kLongest = 256; // longer names get no suggestion

} // namespace

std::size_t editDistance(std::string_view a, std::string_view b, std::size_t limit)
{
    const std::size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
    if (difference > limit || std::max(a.size(), b.size()) > kLongest) {
        return limit + 1;
    }
    // Three rows of the distance table: the one being filled and the two before it. Of each only
    // the cells near the diagonal: further off the distance is above the limit, and thousands of
    // long names must not take seconds.
    std::array<std::array<std::size_t, kLongest + 2>, 3> rows{};
    for (std::size_t j = 0; j <= std::min(b.size(), limit + 1); ++j) {
        rows[0][j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto &row = rows[i % 3];
        const auto &above = rows[(i + 2) % 3];
        const auto &aboveThat = rows[(i + 1) % 3];
        const std::size_t first = i > limit ? i - limit : 1;
        const std::size_t last = std::min(b.size(), i + limit);
        row[first - 1] = first == 1 ? i : limit + 1;
        row[last + 1] = limit + 1;
        for (std::size_t j = first; j <= last; ++j) {
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], aboveThat[j - 2] + 1);
            }
        }
    }
    return std::min(rows[a.size() % 3][b.size()], limit + 1);
}

std::string nearest(std::string_view name, const std::vector<std::string> &known)
{
    std::size_t best = kLimit + 1;
    std::string found;
    for (const std::string &candidate : known) {
        // A distance as long as the name itself would make anything near.
        const std::size_t distance = editDistance(name, candidate, kLimit);
        if (distance < best && distance < name.size()) {
            best = distance;
            found = candidate;
        }
    }
    return found;
}

} // namespace patchbay::json
