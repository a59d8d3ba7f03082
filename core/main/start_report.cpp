// Used by patchbayd.cpp and supervisor.cpp.
#include "main/start_report.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/process_title.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace patchbay::main_ {
namespace {

// With --log /dev/stderr, or a terminal that is the log, one line is enough.
bool sameFile(int one, int two)
{
    struct stat a {};
    struct stat b {};
    return fstat(one, &a) == 0 && fstat(two, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

// The command that was called: returns what its daemon says.
[[noreturn]] void awaitOutcome(int fd)
{
    char byte = 0;
    ssize_t size = 0;
    do {
        size = read(fd, &byte, 1);
    } while (size < 0 && errno == EINTR);
    _exit(size == 1 ? 0 : 1);
}

pid_t forkOrThrow()
{
    pid_t pid = fork();
    if (pid < 0) {
        throw SystemError("fork()");
    }
    return pid;
}

} // namespace

StartReport::StartReport() : terminal_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {}

void StartReport::becomeDaemon()
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        throw SystemError("pipe()");
    }
    UniqueFd reader(ends[0]);
    outcome_.reset(ends[1]);
    if (forkOrThrow() > 0) {
        outcome_.reset();
        awaitOutcome(reader.get());
    }
    if (setsid() < 0) {
        throw SystemError("setsid()");
    }
    if (forkOrThrow() > 0) {
        _exit(0); // the session's leader; its child can never get a controlling terminal
    }
    umask(022);
    UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null || dup2(null.get(), STDIN_FILENO) < 0 || dup2(null.get(), STDOUT_FILENO) < 0) {
        throw SystemError("open(\"/dev/null\")");
    }
}

void StartReport::error(std::string_view text)
{
    log::write(log::Level::alert, text);
    tell(text);
}

void StartReport::tell(std::string_view text) const
{
    if (terminal_ && !sameFile(terminal_.get(), STDERR_FILENO)) {
        std::string line = std::string(product().program) + ": " + std::string(text) + "\n";
        [[maybe_unused]] ssize_t written = write(terminal_.get(), line.data(), line.size());
    }
}

void StartReport::up() noexcept
{
    terminal_.reset();
    if (outcome_) {
        [[maybe_unused]] ssize_t written = write(outcome_.get(), "", 1);
        outcome_.reset();
    }
}

} // namespace patchbay::main_
