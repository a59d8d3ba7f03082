// For the fuzz targets: what must hold, and how input is cut into pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace patchbay::fuzz {

inline void require(bool holds, const char *what)
{
    if (!holds) {
        std::fprintf(stderr, "does not hold: %s\n", what);
        std::abort();
    }
}

// Ends of pieces of 1 to 64 bytes, chosen by the input itself, the last one at `size`.
inline std::vector<std::size_t> pieceEnds(const std::uint8_t *data, std::size_t size)
{
    std::vector<std::size_t> ends;
    std::uint32_t state = static_cast<std::uint32_t>(size) * 2654435761U + 1;
    for (std::size_t end = 0; end < size;) {
        state = state * 1664525U + 1013904223U + data[end];
        std::size_t step = 1 + (state >> 24) % 64;
        end = size - end < step ? size : end + step;
        ends.push_back(end);
    }
    return ends;
}

} // namespace patchbay::fuzz
