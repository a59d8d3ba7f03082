#include "router/client/body_store.hpp"

#include "base/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace patchbay::client {

void BodyStore::start(BufferPool &pool, SpoolFiles &files, const http::Settings &settings,
                      std::uint64_t expected)
{
    pool_ = &pool;
    files_ = &files;
    settings_ = &settings;
    size_ = 0;
    if (expected > 0 && expected <= settings.bodyBufferSize) {
        memory_ = pool.take(static_cast<std::size_t>(expected));
    }
}

std::span<char> BodyStore::room() const noexcept
{
    const std::uint64_t end =
        std::min<std::uint64_t>(memory_.capacity(), settings_->bodyBufferSize);
    return size_ < end ? std::span(memory_.data() + size_, static_cast<std::size_t>(end - size_))
                       : std::span<char>();
}

bool BodyStore::append(std::string_view bytes)
{
    if (!file_) {
        if (size_ + bytes.size() <= settings_->bodyBufferSize) {
            reserve(static_cast<std::size_t>(size_) + bytes.size());
            if (bytes.data() != memory_.data() + size_) { // not read to room()
                std::memcpy(memory_.data() + size_, bytes.data(), bytes.size());
            }
            size_ += bytes.size();
            return true;
        }
        if (!spool()) {
            return false;
        }
    }
    size_ += bytes.size();
    return writeFile(bytes);
}

void BodyStore::letGo() noexcept
{
    if (memory_) {
        pool_->give(std::move(memory_));
    }
    if (file_) {
        files_->give(std::move(file_), settings_->bodyTempPath, written_);
    }
    written_ = 0;
}

void BodyStore::clear() noexcept
{
    letGo();
    size_ = 0;
}

void BodyStore::reserve(std::size_t size)
{
    if (size <= memory_.capacity()) {
        return;
    }
    Buffer larger = pool_->take(std::max(size, 2 * memory_.capacity()));
    if (memory_) {
        std::memcpy(larger.data(), memory_.data(), static_cast<std::size_t>(size_));
        pool_->give(std::move(memory_));
    }
    memory_ = std::move(larger);
}

// Moves what is in memory to a file.
bool BodyStore::spool()
{
    file_ = files_->take(settings_->bodyTempPath);
    if (!file_) {
        return false;
    }
    if (!memory_) {
        return true;
    }
    const bool written = writeFile({memory_.data(), static_cast<std::size_t>(size_)});
    pool_->give(std::move(memory_));
    return written;
}

bool BodyStore::writeFile(std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t written =
            pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(written_));
        if (written < 0) {
            if (errno == EINTR || (errno == ENOSPC && files_->drop())) {
                continue;
            }
            log::alert("writing a request body to \"%s\" failed (%d)",
                       settings_->bodyTempPath.c_str(), errno);
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
        written_ += static_cast<std::uint64_t>(written);
    }
    return true;
}

} // namespace patchbay::client
