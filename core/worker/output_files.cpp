// Prototype before the runtime is loaded, and any of its processes when the router says reopenLog.
#include "worker/output_files.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace patchbay::worker {
namespace {

void redirect(int fd, const std::string &path, const char *what)
{
    if (path.empty()) {
        return;
    }
    UniqueFd file(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666));
    if (!file || dup2(file.get(), fd) < 0) {
        throw Error("The " + std::string(what) + " file \"" + path +
                    "\" cannot be opened: " + errnoText(errno) + ".");
    }
}

} // namespace

void openOutput(const ApplicationStart &start)
{
    redirect(STDOUT_FILENO, start.stdoutPath, "stdout");
    redirect(STDERR_FILENO, start.stderrPath, "stderr");
}

void reopenOutput(const ApplicationStart &start) noexcept
{
    try {
        openOutput(start);
    } catch (const std::exception &error) {
        log::alert("application \"%s\": %s", start.name.c_str(), error.what());
    }
}

} // namespace patchbay::worker
