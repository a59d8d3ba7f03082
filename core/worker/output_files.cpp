// Prototype before the runtime is loaded, and any of its processes when the router says reopenLog.
#include "worker/output_files.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

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

void tell(const char *variable, const std::string &path)
{
    if (path.empty()) {
        unsetenv(variable);
    } else { // absolute: the program may go elsewhere
        setenv(variable, std::filesystem::absolute(path).c_str(), 1);
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

void tellOutput(const ApplicationStart &start)
{
    tell("PATCHBAY_STDOUT", start.stdoutPath);
    tell("PATCHBAY_STDERR", start.stderrPath);
}

} // namespace patchbay::worker
