#include "router/client/body_store.hpp"

#include "base/log.hpp"

#include <fcntl.h>

#include <cstdlib>

namespace patchbay::client {

void BodyStore::start(BufferPool &pool, const http::Settings &settings, std::uint64_t expected)
{
    pool_ = &pool;
    settings_ = &settings;
    size_ = 0;
    if (expected > 0 && expected <= settings.bodyBufferSize) {
        memory_ = pool.take(static_cast<std::size_t>(expected));
    }
}

bool BodyStore::append(std::string_view bytes)
{
    if (!file_) {
        if (size_ + bytes.size() <= settings_->bodyBufferSize) {
            reserve(static_cast<std::size_t>(size_) + bytes.size());
            std::memcpy(memory_.data() + size_, bytes.data(), bytes.size());
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

void BodyStore::clear() noexcept
{
    if (memory_) {
        pool_->give(std::move(memory_));
    }
    file_.reset();
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

// Moves what is in memory to a file that has no name any more.
bool BodyStore::spool()
{
    std::string path = settings_->bodyTempPath + "/req-XXXXXXXX";
    file_.reset(mkostemp(path.data(), O_CLOEXEC));
    if (!file_) {
        log::alert("mkostemp(\"%s\") failed (%d)", path.c_str(), errno);
        return false;
    }
    if (unlink(path.c_str()) != 0) {
        log::alert("unlink(\"%s\") failed (%d)", path.c_str(), errno);
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
        const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            log::alert("writing a request body to \"%s\" failed (%d)",
                       settings_->bodyTempPath.c_str(), errno);
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

} // namespace patchbay::client
