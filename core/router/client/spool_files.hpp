// The files of one engine that request bodies are spooled to: without a name, and used again, for
// making one costs the file system more than filling it (64 KiB body: 120 µs less). Process router,
// [engine]. Used by body_store.
#pragma once

#include "base/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace patchbay::client {

class SpoolFiles {
public:
    // A file in this directory; what is in it is old. Empty: it cannot be made, the log says why.
    UniqueFd take(const std::string &directory);
    // written: bytes from its beginning since take().
    void give(UniqueFd file, const std::string &directory, std::uint64_t written);
    // Frees what is kept; false: nothing was. For a disk that is full.
    bool drop() noexcept;

private:
    // 8 MiB of disk at most.
    static constexpr std::uint64_t kLargest = 128 * 1024;
    static constexpr std::size_t kMost = 64;

    std::string directory_; // of the files kept
    std::vector<UniqueFd> files_;
};

} // namespace patchbay::client
