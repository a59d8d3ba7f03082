// Read at start and on SIGHUP by supervisor.cpp; the text goes to the router, which alone parses
// it.
#include "main/config_store.hpp"

#include "base/error.hpp"
#include "ipc/channel.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

namespace patchbay::main_ {
namespace {

std::string because(const std::string &file, const char *what, int number)
{
    return "The configuration file \"" + file + "\" cannot be " + what + ": " + errnoText(number) +
           ".";
}

// The file may grow while it is read: what counts is the size of the copy.
void copyAll(int from, int to, const std::string &file)
{
    std::size_t total = 0;
    for (;;) {
        ssize_t size = sendfile(to, from, nullptr, 1 << 20);
        if (size < 0 && errno != EINTR) {
            throw Error(because(file, "read", errno));
        }
        if (size == 0) {
            return;
        }
        total += size > 0 ? static_cast<std::size_t>(size) : 0;
        if (total > ConfigStore::kMaxSize) {
            throw Error("The configuration file \"" + file + "\" is larger than " +
                        std::to_string(ConfigStore::kMaxSize / (1024 * 1024)) + " MiB.");
        }
    }
}

} // namespace

UniqueFd ConfigStore::read() const
{
    if (file_.empty()) {
        return ipc::makeTextMemfd("{}", "patchbay-config");
    }
    // Not blocking: a fifo without a writer must not stop main.
    UniqueFd source(open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!source) {
        throw Error(because(file_, "opened", errno));
    }
    struct stat status {};
    if (fstat(source.get(), &status) != 0) {
        throw Error(because(file_, "read", errno));
    }
    if (!S_ISREG(status.st_mode)) {
        throw Error("The configuration file \"" + file_ + "\" is not a regular file.");
    }
    UniqueFd copy(memfd_create("patchbay-config", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!copy) {
        throw SystemError("memfd_create()");
    }
    copyAll(source.get(), copy.get(), file_);
    constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    if (fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0) {
        throw SystemError("fcntl(F_ADD_SEALS)");
    }
    return copy;
}

} // namespace patchbay::main_
