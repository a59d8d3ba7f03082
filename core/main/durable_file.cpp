// Used by state_store.cpp and history.cpp.
#include "main/durable_file.hpp"

#include "ipc/bundle.hpp"
#include "main/files.hpp"

#include <fcntl.h>
#include <string.h> // explicit_bzero
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace patchbay::main_ {
namespace {

// 0 or errno.
int writeAll(int file, int text)
{
    try {
        ipc::copyFile(text, file, ipc::kMaxConfigText);
    } catch (const SystemError &error) {
        return error.number();
    }
    return fsync(file) == 0 ? 0 : errno;
}

int writeTemporary(const std::string &temporary, int text)
{
    unlink(temporary.c_str()); // of a crash
    UniqueFd file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       S_IRUSR | S_IWUSR));
    return file ? writeAll(file.get(), text) : errno;
}

// What was compared may be secret; main's memory is inherited by every application.
struct Buffer {
    char bytes[16384];
    ~Buffer() { explicit_bzero(bytes, sizeof bytes); }
};

// Bytes read, fewer only at the end; -1: cannot be read.
ssize_t readAt(int fd, Buffer &buffer, off_t offset)
{
    std::size_t done = 0;
    while (done < sizeof buffer.bytes) {
        ssize_t size = pread(fd, buffer.bytes + done, sizeof buffer.bytes - done,
                             offset + static_cast<off_t>(done));
        if (size < 0 && errno != EINTR) {
            return -1;
        }
        if (size == 0) {
            break;
        }
        done += size > 0 ? static_cast<std::size_t>(size) : 0;
    }
    return static_cast<ssize_t>(done);
}

} // namespace

void replaceFile(const std::string &path, const std::string &temporary, int text)
{
    int error = writeTemporary(temporary, text);
    if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) {
        error = errno;
    }
    if (error != 0) {
        unlink(temporary.c_str());
        throw FileError("file", path, "written", error);
    }
    syncDirectory(path.substr(0, path.find_last_of('/')));
}

void syncDirectory(const std::string &path)
{
    UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) {
        throw FileError("directory", path, "opened", errno);
    }
    if (fsync(directory.get()) != 0 && errno != EINVAL) { // some file systems have no such thing
        throw FileError("directory", path, "written", errno);
    }
}

bool sameContent(int one, int other) noexcept
{
    struct stat a {};
    struct stat b {};
    if (fstat(one, &a) != 0 || fstat(other, &b) != 0 || a.st_size != b.st_size) {
        return false;
    }
    Buffer ours;
    Buffer theirs;
    for (off_t offset = 0; offset < a.st_size;) {
        ssize_t size = readAt(one, ours, offset);
        if (size <= 0 || readAt(other, theirs, offset) != size ||
            memcmp(ours.bytes, theirs.bytes, static_cast<std::size_t>(size)) != 0) {
            return false;
        }
        offset += size;
    }
    return true;
}

} // namespace patchbay::main_
