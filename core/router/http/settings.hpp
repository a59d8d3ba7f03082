// [any] settings.http of one configuration (config.md 2), immutable. Times are durations, 0 = none.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace patchbay::http {

struct Settings {
    std::chrono::milliseconds headerReadTimeout{30'000};
    std::chrono::milliseconds bodyReadTimeout{30'000};
    std::chrono::milliseconds sendTimeout{30'000};
    std::chrono::milliseconds idleTimeout{180'000};
    std::uint64_t maxBodySize = 8'388'608;
    std::uint64_t bodyBufferSize = 16'384;
    std::string bodyTempPath; // directory of spooled bodies
    std::uint32_t largeHeaderBufferSize = 8192;
    std::uint32_t largeHeaderBuffers = 4;
    bool discardUnsafeFields = true;
    bool serverVersion = true;
    bool chunkedTransform = true; // as unitd: false

    // Bytes of a whole header block; longer is 431.
    std::uint64_t headerBlockLimit() const
    {
        return 2048 + std::uint64_t{largeHeaderBuffers} * largeHeaderBufferSize;
    }
};

} // namespace patchbay::http
