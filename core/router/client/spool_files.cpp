#include "router/client/spool_files.hpp"

#include "base/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace patchbay::client {

UniqueFd SpoolFiles::take(const std::string &directory)
{
    if (!files_.empty() && directory == directory_) {
        UniqueFd file = std::move(files_.back());
        files_.pop_back();
        return file;
    }
    std::string path = directory + "/req-XXXXXXXX";
    UniqueFd file(mkostemp(path.data(), O_CLOEXEC));
    if (!file) {
        log::alert("mkostemp(\"%s\") failed (%d)", path.c_str(), errno);
    } else if (unlink(path.c_str()) != 0) {
        log::alert("unlink(\"%s\") failed (%d)", path.c_str(), errno);
    }
    return file;
}

void SpoolFiles::give(UniqueFd file, const std::string &directory, std::uint64_t written)
{
    if (directory != directory_) {
        drop();
        directory_ = directory;
    }
    if (written <= kLargest && files_.size() < kMost) {
        files_.push_back(std::move(file));
    }
}

bool SpoolFiles::drop() noexcept
{
    const bool some = !files_.empty();
    files_.clear();
    return some;
}

} // namespace patchbay::client
