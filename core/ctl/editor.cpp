// See editor.hpp. Called by edit_command.cpp.
#include "ctl/editor.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "ctl/input.hpp"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

namespace patchbay::ctl {
namespace {

void writeAll(int fd, std::string_view text, const std::string &path)
{
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno != EINTR) {
            throw Error(path + ": " + errnoText(errno));
        }
        text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }
}

// Ctrl-C belongs to the editor while it runs; Ctrl-\ too.
class SignalsLeftToChild {
public:
    SignalsLeftToChild()
    {
        interrupt_ = ::signal(SIGINT, SIG_IGN);
        quit_ = ::signal(SIGQUIT, SIG_IGN);
    }
    ~SignalsLeftToChild() { restore(); }
    SignalsLeftToChild(const SignalsLeftToChild &) = delete;
    SignalsLeftToChild &operator=(const SignalsLeftToChild &) = delete;

    void restore() const
    {
        ::signal(SIGINT, interrupt_);
        ::signal(SIGQUIT, quit_);
    }

private:
    using Handler = void (*)(int);
    Handler interrupt_ = nullptr, quit_ = nullptr;
};

} // namespace

EditFile::EditFile(std::string_view text)
{
    constexpr std::string_view kEnding = ".json"; // tells the editor what it is
    const char *directory = std::getenv("TMPDIR");
    path_ = directory != nullptr && *directory != '\0' ? directory : "/tmp";
    path_.append("/patchbay-XXXXXX").append(kEnding);
    const UniqueFd fd(::mkstemps(path_.data(), static_cast<int>(kEnding.size())));
    if (!fd) {
        throw Error(path_ + ": " + errnoText(errno));
    }
    try {
        writeAll(fd.get(), text, path_);
    } catch (...) {
        ::unlink(path_.c_str());
        throw;
    }
}

EditFile::~EditFile()
{
    if (!kept_) {
        ::unlink(path_.c_str());
    }
}

std::string EditFile::read() const
{
    return readInput(path_).text;
}

void runEditor(const std::string &path)
{
    const char *variable = std::getenv("EDITOR");
    const std::string editor = variable != nullptr && *variable != '\0' ? variable : "vi";
    const std::string command = editor + " \"$1\""; // it may have arguments of its own
    const SignalsLeftToChild signals;
    const pid_t child = ::fork();
    if (child < 0) {
        throw Error(SystemError("fork()").what());
    }
    if (child == 0) {
        signals.restore();
        ::signal(SIGPIPE, SIG_DFL);
        ::execl("/bin/sh", "sh", "-c", command.c_str(), "sh", path.c_str(), nullptr);
        ::_exit(127);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw Error("the editor \"" + editor + "\" failed; nothing was changed");
    }
}

} // namespace patchbay::ctl
