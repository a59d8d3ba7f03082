// patchbay-module: what runtimes promise whose workers are programs. create() as in a prototype,
// become() in a fork of it, as in a worker; the program is this executable (program.hpp), because
// the options name it where they had "@PROGRAM@".
#include "program.hpp"
#include "rule.hpp"
#include "sample_options.hpp"
#include "subject.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>

namespace patchbay::check {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxReport = 4096;

struct SocketPair {
    UniqueFd ours, theirs;
    SocketPair()
    {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
            throw SystemError("socketpair()");
        }
        ours.reset(ends[0]);
        theirs.reset(ends[1]);
    }
    // Empty: the other end is closed.
    static std::string receive(const UniqueFd &fd)
    {
        std::array<char, kMaxReport> text;
        const ssize_t size = ::recv(fd.get(), text.data(), text.size(), 0);
        return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
    }
};

void resetSignals()
{
    for (int number = 1; number < SIGRTMIN; number++) {
        std::signal(number, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

// In the fork: the channel and PATCHBAY_INIT in place, as the core does it. The text is why nothing
// was executed; a finding begins with "!".
std::string tryToBecome(const Object &object, int channel)
{
    const std::string init =
        std::to_string(PB_ABI_MAJOR) + ".0;" + std::to_string(channel) + ";" + kProgramServer;
    ::setenv("PATCHBAY_INIT", init.c_str(), 1);
    ::fcntl(channel, F_SETFD, 0);
    resetSignals();
    ErrorText error;
    try {
        crossing("become()",
                 [&] { object.ops<pb_runtime_ops>().become(object.self(), error.face()); });
        const std::string text = error.text("become()");
        return text.empty() ? "!become() returns and does not say why" : text;
    } catch (const Finding &finding) {
        return std::string("!") + finding.what();
    }
}

struct Become {
    std::string refusal; // text with which become() came back; empty: a program was executed
    std::string report;  // what the program said; empty: nothing
    int status = 0;      // of waitpid()
};

Become become(const Object &object)
{
    SocketPair channel;
    SocketPair returned; // closed by a successful execve()
    doing("become()");
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw SystemError("fork()");
    }
    if (pid == 0) {
        channel.ours.reset();
        returned.ours.reset();
        const std::string text = tryToBecome(object, channel.theirs.get());
        ::send(returned.theirs.get(), text.data(), std::min(text.size(), kMaxReport), MSG_NOSIGNAL);
        ::_exit(EXIT_FAILURE);
    }
    channel.theirs.reset();
    returned.theirs.reset();
    Become result;
    result.refusal = SocketPair::receive(returned.ours);
    result.report = SocketPair::receive(channel.ours);
    while (::waitpid(pid, &result.status, 0) < 0 && errno == EINTR) {
    }
    expect(!result.refusal.starts_with('!'), result.refusal.substr(result.refusal.empty() ? 0 : 1));
    expect(!WIFSIGNALED(result.status),
           "become() crashes (signal " + std::to_string(WTERMSIG(result.status)) + ")");
    return result;
}

std::string becomesProgram(const Target &target)
{
    // What this process was given by its own caller is no fault of the module's.
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    const auto object = makeObject(target.info.file, target.options);
    const Become result = become(*object);
    expect(result.refusal.empty(), "become() fails: " + result.refusal);
    expect(!result.report.empty(),
           "the program that become() executes is not the one of the options, or gets neither the "
           "channel nor PATCHBAY_INIT (exit status " +
               std::to_string(WEXITSTATUS(result.status)) + ")");
    expect(result.report == "ok", result.report);
    return {};
}

// A name of the program that can be taken away, whatever the sandbox says of writing.
class Link {
public:
    Link()
    {
        std::string name = fs::temp_directory_path() / "patchbay-module.XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw SystemError("mkdtemp()");
        }
        directory_ = name;
        fs::create_symlink(programFile(), path());
    }
    ~Link()
    {
        std::error_code ec;
        fs::remove_all(directory_, ec);
    }
    Link(const Link &) = delete;
    Link &operator=(const Link &) = delete;
    std::string path() const { return directory_ / "program"; }
    void takeAway() const { fs::remove(path()); }

private:
    fs::path directory_;
};

// The program goes between create() and become(). A module that holds it open executes it still.
std::string saysWhyNot(const Target &target)
{
    const Link link;
    const auto object = makeObject(target.info.file, withProgram(target.pattern, link.path()));
    link.takeAway();
    become(*object);
    return {};
}

} // namespace

std::vector<Rule> programRules(const Target &target)
{
    const std::string skip = target.pattern.empty()
                                 ? "its options must name a program of the check's: give them with "
                                   "--options, and \"@PROGRAM@\" where the program is named"
                                 : "";
    return {{"become",
             "become() executes the program, with the channel and nothing that it does not need",
             {{"", [target] { return becomesProgram(target); }}},
             skip,
             true},
            {"become-fails",
             "become() comes back and says why when the program has gone",
             {{"", [target] { return saysWhyNot(target); }}},
             skip}};
}

} // namespace patchbay::check
