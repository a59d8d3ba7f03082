// patchbay-module: see apart.hpp.
#include "apart.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "sandbox.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <string_view>

namespace patchbay::check {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxText = std::size_t{4} << 20;
constexpr std::size_t kMaxOutput = std::size_t{16} << 10;
constexpr std::size_t kNoteSize = 512;

// Shared with the child, which writes; the parent reads after its death.
char *noteMemory()
{
    static char *const memory = [] {
        void *page =
            ::mmap(nullptr, kNoteSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) {
            throw SystemError("mmap()");
        }
        return static_cast<char *>(page);
    }();
    return memory;
}

struct Pipe {
    UniqueFd input, output;
    Pipe()
    {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) {
            throw SystemError("pipe2()");
        }
        input.reset(ends[0]);
        output.reset(ends[1]);
    }
};

void writeAll(int fd, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno != EINTR) {
            return; // the parent has gone
        }
        text.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
    }
}

// First byte: the state.
std::string outcomeOf(const Work &work)
{
    try {
        return 'h' + work();
    } catch (const Skipped &reason) {
        return std::string("s") + reason.what();
    } catch (const std::exception &finding) {
        return std::string("b") + finding.what();
    } catch (...) {
        return "ban exception that is no std::exception came out of the module";
    }
}

[[noreturn]] void child(const Work &work, int resultFd, int outputFd)
{
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(outputFd, STDOUT_FILENO);
    ::dup2(outputFd, STDERR_FILENO);
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(null, STDIN_FILENO);
    ::close(null);
    writeAll(resultFd, outcomeOf([&] {
                 enterSandbox();
                 return work();
             }));
    ::_exit(0); // a module's exit handlers and destructors get no say in it
}

// What is there now, of which `most` bytes are kept.
void drain(int fd, std::string &text, std::size_t most)
{
    std::array<char, 16384> buffer;
    for (ssize_t n = 1; n > 0;) {
        n = ::read(fd, buffer.data(), buffer.size());
        if (n > 0) {
            text.append(buffer.data(), std::min(static_cast<std::size_t>(n), most - text.size()));
        }
    }
}

// Reads both until the child has ended; false: its time was over.
bool readUntilEnd(pid_t pid, int resultFd, int outputFd, Clock::time_point end, std::string &result,
                  std::string &output)
{
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process) {
        throw SystemError("pidfd_open()");
    }
    ::fcntl(resultFd, F_SETFL, O_NONBLOCK);
    ::fcntl(outputFd, F_SETFL, O_NONBLOCK);
    pollfd fds[] = {{process.get(), POLLIN, 0}, {resultFd, POLLIN, 0}, {outputFd, POLLIN, 0}};
    bool ended = false;
    while (!ended) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
        const int ready = ::poll(fds, 3, static_cast<int>(std::max<decltype(left)>(left, 0)));
        if (ready == 0 || (ready < 0 && errno != EINTR)) {
            return false;
        }
        ended = fds[0].revents != 0;
        drain(resultFd, result, kMaxText);
        drain(outputFd, output, kMaxOutput);
        for (int i = 1; i < 3; i++) {
            fds[i].fd = (fds[i].revents & POLLHUP) != 0 ? -1 : fds[i].fd;
        }
    }
    return true;
}

// What it was doing when it ended; the module may have written over it.
std::string during()
{
    const std::string_view note(noteMemory(), ::strnlen(noteMemory(), kNoteSize));
    return note.empty() ? std::string() : " during " + std::string(note);
}

std::string deathOf(int status)
{
    if (WIFSIGNALED(status)) {
        return "the process crashes" + during() + " (signal " + std::to_string(WTERMSIG(status)) +
               ", " + ::strsignal(WTERMSIG(status)) + ")";
    }
    return "the module ends the process" + during() + " (exit status " +
           std::to_string(WEXITSTATUS(status)) + ")";
}

State stateOf(char mark)
{
    return mark == 'h' ? State::held : mark == 's' ? State::skipped : State::broken;
}

} // namespace

Outcome runApart(const Work &work, std::chrono::seconds limit)
{
    noteMemory()[0] = '\0';
    Pipe result;
    Pipe output;
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw SystemError("fork()");
    }
    if (pid == 0) {
        result.input.reset();
        output.input.reset();
        child(work, result.output.get(), output.output.get());
    }
    result.output.reset();
    output.output.reset();
    Outcome outcome;
    std::string text;
    const bool ended = readUntilEnd(pid, result.input.get(), output.input.get(),
                                    Clock::now() + limit, text, outcome.output);
    ::kill(-pid, SIGKILL); // whatever is left of its session
    ::kill(pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended) {
        return {State::broken,
                "does not come to an end" + during() + " within " + std::to_string(limit.count()) +
                    " s",
                outcome.output};
    }
    if (status != 0 || text.empty()) {
        return {State::broken, deathOf(status), outcome.output};
    }
    return {stateOf(text[0]), text.substr(1), outcome.output};
}

void doing(const std::string &what)
{
    std::strncpy(noteMemory(), what.c_str(), kNoteSize - 1);
}

void continueInFork()
{
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw SystemError("fork()");
    }
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        return;
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        std::signal(WTERMSIG(status), SIG_DFL);
        ::kill(::getpid(), WTERMSIG(status));
    }
    ::_exit(WEXITSTATUS(status));
}

} // namespace patchbay::check
