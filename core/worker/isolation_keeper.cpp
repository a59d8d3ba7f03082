// Process "keeper", its only thread. Before: isolation.cpp has forked the prototype off it. Main
// knows it as the prototype: it ends with it, the same way.
#include "worker/isolation_keeper.hpp"

#include "base/log.hpp"
#include "base/process_title.hpp"
#include "worker/isolation_error.hpp"
#include "worker/process_setup.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

namespace patchbay::worker {
namespace {

using Clock = std::chrono::steady_clock;

// Daemon gone or going: what an application has left behind is not waited for any longer.
constexpr std::chrono::milliseconds kLeaveTime{2'500};

class Keeper {
public:
    explicit Keeper(KeeperWork work) : work_(std::move(work)) {}
    [[noreturn]] void run();

private:
    void writeMapsWhenAsked() const;
    bool reap();
    void waitForSignal();
    [[noreturn]] void endLikePrototype() const;

    KeeperWork work_;
    sigset_t awaited_{};
    int status_ = 0; // of the prototype, once it has ended
    bool prototypeEnded_ = false;
    bool leaving_ = false;
    std::optional<Clock::time_point> leaveAt_;
};

void Keeper::writeMapsWhenAsked() const
{
    char byte = 0;
    if (!work_.mapsWanted || recv(work_.mapsWanted.get(), &byte, 1, 0) != 1) {
        return; // it has ended without asking
    }
    std::string answer = "ok";
    try {
        writeMaps(std::to_string(work_.prototype), work_.maps, false);
    } catch (const std::exception &error) {
        answer = error.what();
    }
    send(work_.mapsWanted.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
}

// false: no process is left.
bool Keeper::reap()
{
    int status = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == work_.prototype) {
            prototypeEnded_ = true;
            status_ = status;
        }
    }
    return pid == 0;
}

void Keeper::waitForSignal()
{
    if (leaving_ && prototypeEnded_ && !leaveAt_) {
        leaveAt_ = Clock::now() + kLeaveTime;
    }
    siginfo_t info{};
    int number = 0;
    if (leaveAt_) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(*leaveAt_ - Clock::now()).count();
        timespec time{left / 1000, left % 1000 * 1'000'000};
        number = left > 0 ? sigtimedwait(&awaited_, &info, &time) : -1;
    } else {
        number = sigwaitinfo(&awaited_, &info);
    }
    leaving_ = leaving_ || number == SIGTERM;
}

// So that whoever waits for us reads what it would have read there. Memory is not dumped twice.
void Keeper::endLikePrototype() const
{
    if (WIFSIGNALED(status_)) {
        prctl(PR_SET_DUMPABLE, 0);
        resetSignals();
        kill(getpid(), WTERMSIG(status_));
    }
    _exit(WIFEXITED(status_) ? WEXITSTATUS(status_) : 1);
}

void Keeper::run()
{
    setProcessTitle(std::string(product().program) + ": \"" + work_.name + "\" keeper");
    sigemptyset(&awaited_);
    sigaddset(&awaited_, SIGCHLD);
    sigaddset(&awaited_, SIGTERM);
    sigprocmask(SIG_BLOCK, &awaited_, nullptr);
    // Workers whose prototype died, and what the application leaves behind, become our children.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int kept = work_.mapsWanted.get();
    closeOtherDescriptors({&kept, work_.mapsWanted ? 1U : 0U});
    writeMapsWhenAsked();
    work_.mapsWanted.reset();
    while (reap() && !(leaveAt_ && Clock::now() >= *leaveAt_)) {
        waitForSignal();
    }
    if (work_.cgroup) {
        work_.cgroup->remove();
    }
    endLikePrototype();
}

} // namespace

void runKeeper(KeeperWork work) noexcept
{
    Keeper(std::move(work)).run();
}

void askForMaps(int keeper)
{
    char answer[1024];
    ssize_t size =
        send(keeper, "?", 1, MSG_NOSIGNAL) == 1 ? recv(keeper, answer, sizeof answer, 0) : 0;
    if (size <= 0) {
        throw Error("isolation: the process that maps user ids has ended.");
    }
    std::string text(answer, static_cast<std::size_t>(size));
    if (text != "ok") {
        throw Error(text);
    }
}

} // namespace patchbay::worker
