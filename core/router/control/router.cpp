// [control] The router process: puts the parts together, takes configurations from main one after
// the other, and ends in order.
#include "router/control/router.hpp"

#include "base/build_info.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "module/registry.hpp"
#include "router/control/main_channel.hpp"
#include "router/control/reconfigure.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>

namespace patchbay::control {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kCutTime{1000};   // for engines to notice that they must stop now
constexpr milliseconds kLeaveTime{2000}; // for idle workers; then they are killed
constexpr milliseconds kKillTime{5000};

class Router {
public:
    explicit Router(RouterOptions options);
    int run();

private:
    struct Job {
        std::uint64_t request; // 0: a reload
        std::vector<ipc::NamedText> files;
    };

    MainChannel::Events events();
    void configure(Job job);
    void quit(bool graceful, milliseconds deadline);
    void reopenLog(const UniqueFd &log);
    bool wait(const bool &done, milliseconds time);
    int finish();

    ControlLoop loop_;
    modules::Registry registry_;
    RegistryModules modules_{registry_};
    MainChannel main_;
    EngineSet engines_{loop_, makeEngineThread};
    Spawner spawner_{{loop_, main_, engines_}};
    SocketClient sockets_{loop_, main_};
    SnapshotBuilder builder_{loop_, modules_, sockets_, spawner_};
    Controller controller_;

    std::deque<Job> jobs_; // serialised (A12)
    bool mainGone_ = false;
    ControlLoop::Clock::time_point end_ = ControlLoop::Clock::time_point::max(); // at the latest
    bool finishing_ = false;
    milliseconds drain_{0};
};

Router::Router(RouterOptions options)
    : registry_(modules::parseManifest(options.manifest)),
      main_(loop_, std::move(options.main), events()),
      controller_({loop_, engines_, spawner_, builder_, registry_.catalog(),
                   ConfigDefaults{options.tmpDir, options.asUnit}})
{
}

MainChannel::Events Router::events()
{
    MainChannel::Events events;
    events.configure = [this](std::uint64_t request, std::vector<ipc::NamedText> files) {
        jobs_.push_back({request, std::move(files)});
    };
    events.reload = [this] { main_.readConfig(); };
    events.filesRead = [this](const std::string &error, std::vector<ipc::NamedText> files) {
        if (error.empty()) {
            jobs_.push_back({0, std::move(files)});
            return;
        }
        log::error("%s", error.c_str());
        log::error("the running configuration stays");
        main_.reloaded(false, error);
    };
    events.childExited = [this](pid_t pid, int status) { spawner_.childExited(pid, status); };
    events.reopenLog = [this](const UniqueFd &log) { reopenLog(log); };
    events.quit = [this](bool graceful, milliseconds deadline) { quit(graceful, deadline); };
    events.closed = [this] {
        mainGone_ = true;
        end_ = ControlLoop::Clock::now() + kCutTime;
        quit(false, milliseconds(0));
    };
    return events;
}

int Router::run()
{
    log::info("router started");
    main_.routerReady();
    while (loop_.runUntil([this] { return !jobs_.empty(); })) {
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        configure(std::move(job));
    }
    return finish();
}

void Router::configure(Job job)
{
    Controller::Outcome outcome;
    try {
        ipc::NamedText first = job.files.empty() ? ipc::NamedText() : job.files.front();
        outcome = controller_.apply(first.text, first.name);
    } catch (const std::exception &error) {
        log::write(log::Level::alert, error.what());
        outcome = {false, error.what()};
    }
    if (!mainGone_ && job.request == 0) {
        if (outcome.ok) {
            main_.activate(controller_.activeText(), true);
        }
        main_.reloaded(outcome.ok, outcome.text);
    } else if (!mainGone_) {
        main_.configured(job.request, outcome.ok, outcome.text, controller_.activeText());
    }
}

void Router::quit(bool graceful, milliseconds deadline)
{
    drain_ = graceful ? deadline : milliseconds(0);
    loop_.interrupt();
    if (finishing_ && !graceful) { // the second signal
        engines_.forEach([](EnginePort &engine) { engine.stop(milliseconds(0), [] {}); });
    }
}

void Router::reopenLog(const UniqueFd &log)
{
    if (::dup2(log.get(), STDERR_FILENO) < 0) {
        throw SystemError("dup2()");
    }
    spawner_.reopenFiles();
}

// Waits for something to come true, whatever signals arrive meanwhile.
bool Router::wait(const bool &done, milliseconds time)
{
    auto deadline = ControlLoop::Clock::now() + time;
    do {
        loop_.allow();
        loop_.runUntil([&] { return done; }, std::min(deadline, end_));
    } while (!done && ControlLoop::Clock::now() < std::min(deadline, end_));
    return done;
}

// Main has said quit, or is gone. Workers and prototypes see the end of their channels.
int Router::finish()
{
    // They outlive an early return: acknowledgements may still come.
    auto stopped = std::make_shared<bool>(false);
    auto left = std::make_shared<bool>(false);
    finishing_ = true;
    engines_.stopAll(drain_, [stopped] { *stopped = true; });
    wait(*stopped, drain_ + kCutTime);
    controller_.release();
    spawner_.leaveAll([left] { *left = true; });
    if (!wait(*left, kLeaveTime)) {
        spawner_.killAll();
        wait(*left, kKillTime);
    }
    if (!mainGone_) {
        main_.routerDone();
    }
    if (!*stopped || !*left) {
        std::_Exit(mainGone_ ? 0 : 1); // what may still run uses what would be destroyed now
    }
    return 0;
}

// Uploads must not fail one by one because the daemon's user cannot write where it was told to.
void checkTmpDir(std::string &tmpDir)
{
    if (access(tmpDir.c_str(), W_OK | X_OK) == 0) {
        return;
    }
    log::warn(
        "the directory \"%s\" cannot be written to by this user (%s): large request bodies are "
        "spooled in \"%s\"; see --tmpdir and --user",
        tmpDir.c_str(), errnoText(errno).c_str(), build::kTmpDir);
    tmpDir = build::kTmpDir;
}

} // namespace

int runRouter(RouterOptions options) noexcept
{
    try {
        checkTmpDir(options.tmpDir);
        Router router(std::move(options));
        return router.run();
    } catch (const std::exception &error) {
        log::alert("router failed: %s", error.what());
        return 1;
    }
}

} // namespace patchbay::control
