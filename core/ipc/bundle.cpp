// [any] See the header. Written by main (config_files, state_store), read by the router.
#include "ipc/bundle.hpp"

#include "base/error.hpp"
#include "ipc/channel.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace patchbay::ipc {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr std::size_t kMaxName = std::size_t{64} << 10;

UniqueFd makeMemfd(const char *name)
{
    UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) {
        throw SystemError("memfd_create(" + std::string(name) + ")");
    }
    return fd;
}

void writeAt(int fd, std::string_view bytes, std::uint64_t offset)
{
    while (!bytes.empty()) {
        ssize_t size = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (size < 0 && errno != EINTR) {
            throw SystemError("write(bundle)");
        }
        std::size_t done = size > 0 ? static_cast<std::size_t>(size) : 0;
        bytes.remove_prefix(done);
        offset += done;
    }
}

// Takes one field after the other; each size is checked before memory is taken for it.
class Cursor {
public:
    explicit Cursor(int fd) : fd_(fd)
    {
        struct stat status {};
        if (fstat(fd, &status) != 0) {
            throw SystemError("fstat(bundle)");
        }
        if (!S_ISREG(status.st_mode)) {
            throw Error("the bundle is no file");
        }
        left_ = static_cast<std::uint64_t>(status.st_size);
    }

    bool atEnd() const noexcept { return left_ == 0; }

    std::string take(std::uint64_t size, std::size_t limit)
    {
        if (size > left_ || size > limit) {
            throw Error("the bundle is damaged or larger than " + std::to_string(limit) + " bytes");
        }
        std::string bytes(static_cast<std::size_t>(size), '\0');
        for (std::size_t done = 0; done < bytes.size();) {
            ssize_t got = pread(fd_, bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(offset_ + done));
            if (got < 0 && errno != EINTR) {
                throw SystemError("read(bundle)");
            }
            if (got == 0) {
                throw Error("the bundle ends too early");
            }
            done += got > 0 ? static_cast<std::size_t>(got) : 0;
        }
        offset_ += size;
        left_ -= size;
        return bytes;
    }
    std::uint32_t u32() { return WireReader(take(4, 4)).u32(); }
    std::uint64_t u64() { return WireReader(take(8, 8)).u64(); }

private:
    int fd_;
    std::uint64_t offset_ = 0;
    std::uint64_t left_ = 0;
};

} // namespace

BundleWriter::BundleWriter(const char *memfdName) : memfd_(makeMemfd(memfdName)) {}

// Name and a size of 0; where the text begins.
std::uint64_t BundleWriter::begin(std::string_view name)
{
    WireWriter header;
    header.str(name).u64(0);
    writeAt(memfd_.get(), header.bytes(), size_);
    return size_ + header.bytes().size();
}

void BundleWriter::end(std::uint64_t start, std::size_t size)
{
    WireWriter number;
    number.u64(size);
    writeAt(memfd_.get(), number.bytes(), start - number.bytes().size());
    size_ = start + size;
    textSize_ += size;
}

void BundleWriter::add(std::string_view name, std::string_view text)
{
    std::uint64_t start = begin(name);
    writeAt(memfd_.get(), text, start);
    end(start, text.size());
}

void BundleWriter::addFile(std::string_view name, int fd, std::size_t limit)
{
    std::uint64_t start = begin(name);
    if (lseek(memfd_.get(), static_cast<off_t>(start), SEEK_SET) < 0) {
        throw SystemError("lseek(bundle)");
    }
    end(start, copyFile(fd, memfd_.get(), limit));
}

UniqueFd BundleWriter::finish()
{
    // What an addFile() that failed has left behind.
    if (ftruncate(memfd_.get(), static_cast<off_t>(size_)) != 0) {
        throw SystemError("ftruncate(bundle)");
    }
    sealText(memfd_.get());
    return std::move(memfd_);
}

std::vector<NamedText> readBundle(int fd, std::size_t limit)
{
    std::vector<NamedText> texts;
    Cursor cursor(fd);
    while (!cursor.atEnd()) {
        NamedText entry;
        entry.name = cursor.take(cursor.u32(), kMaxName);
        entry.text = cursor.take(cursor.u64(), limit);
        limit -= entry.text.size();
        texts.push_back(std::move(entry));
    }
    return texts;
}

std::size_t copyFile(int from, int to, std::size_t limit)
{
    off_t offset = 0;
    for (;;) {
        // The file may grow meanwhile: what counts is the size of the copy. One byte more than the
        // limit tells that there is more.
        std::size_t room = limit + 1 - static_cast<std::size_t>(offset);
        ssize_t size = sendfile(to, from, &offset, std::min(room, kChunk));
        if (size < 0 && errno != EINTR) {
            throw SystemError("sendfile()");
        }
        if (size == 0) {
            return static_cast<std::size_t>(offset);
        }
        if (static_cast<std::size_t>(offset) > limit) {
            throw SystemError("sendfile()", EFBIG);
        }
    }
}

UniqueFd copyToMemfd(int fd, const char *memfdName, std::size_t limit)
{
    UniqueFd copy = makeMemfd(memfdName);
    copyFile(fd, copy.get(), limit);
    sealText(copy.get());
    return copy;
}

std::size_t sealedTextSize(int fd, std::size_t limit)
{
    constexpr int kWanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat status {};
    if (seals < 0 || (seals & kWanted) != kWanted || fstat(fd, &status) != 0) {
        throw Error("a text is not a sealed memory file");
    }
    if (static_cast<std::uint64_t>(status.st_size) > limit) {
        throw Error("a text is larger than " + std::to_string(limit) + " bytes");
    }
    return static_cast<std::size_t>(status.st_size);
}

} // namespace patchbay::ipc
