// [any] Several texts with their names in one sealed memfd (format: message.hpp). Main writes them
// without having the texts in its own memory; the router reads them.
#pragma once

#include "base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::ipc {

// The most that a configuration may have, in bytes, all its files together; everywhere.
inline constexpr std::size_t kMaxConfigText = std::size_t{32} << 20;

class BundleWriter {
public:
    // Throws SystemError, as all of it does.
    explicit BundleWriter(const char *memfdName);

    void add(std::string_view name, std::string_view text);
    // The file from its beginning, copied inside the kernel. More than `limit` bytes: EFBIG. After
    // an exception the bundle is what it was before.
    void addFile(std::string_view name, int fd, std::size_t limit);

    std::size_t textSize() const noexcept { return textSize_; } // of all texts, in bytes
    UniqueFd finish();                                          // sealed

private:
    std::uint64_t begin(std::string_view name);
    void end(std::uint64_t start, std::size_t size);

    UniqueFd memfd_;
    std::uint64_t size_ = 0; // of what is complete
    std::size_t textSize_ = 0;
};

struct NamedText {
    std::string name;
    std::string text;
};

// limit: of all texts together, in bytes. Throws Error when it is exceeded or this is no bundle.
std::vector<NamedText> readBundle(int fd, std::size_t limit);

// Copies a file from its beginning to where `to` stands, inside the kernel; its size. More than
// `limit` bytes: EFBIG, and `to` has some of it. Throws SystemError.
std::size_t copyFile(int from, int to, std::size_t limit);
// The same into a new sealed memfd.
UniqueFd copyToMemfd(int fd, const char *memfdName, std::size_t limit);

// The size of a text from a process that is not trusted: it must be a sealed memfd, so that reading
// it neither waits nor ever meets another content. Throws Error if it is not, or exceeds the limit.
std::size_t sealedTextSize(int fd, std::size_t limit);

} // namespace patchbay::ipc
