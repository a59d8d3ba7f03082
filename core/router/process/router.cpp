// [control] The router process: puts the parts together, runs one job after the other, and ends in
// order.
#include "router/process/router.hpp"

#include "base/build_info.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/log_output.hpp"
#include "module/registry.hpp"
#include "router/api/resources.hpp"
#include "router/api/server.hpp"
#include "router/control/healer.hpp"
#include "router/control/main_channel.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

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
    MainChannel::Events events();
    void begin(std::uint64_t request, ipc::ConfigOrigin origin, std::uint32_t uid,
               const UniqueFd &bundle);
    void openControl();
    void reload(std::uint32_t uid);
    void quit(bool graceful, milliseconds deadline);
    void reopenLog(const UniqueFd &log);
    std::string outcomeText(const std::string &refusal) const;
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
    ConfigService service_;
    JobQueue jobs_;
    Healer healer_{loop_, jobs_, controller_, service_};
    api::CertificateStore certificates_{loop_, main_};
    api::Resources resources_;
    UniqueFd control_;
    std::vector<uid_t> controlUsers_;
    std::optional<api::Server> server_;

    bool reloadQueued_ = false;
    bool mainGone_ = false;
    ControlLoop::Clock::time_point end_ = ControlLoop::Clock::time_point::max(); // at the latest
    bool finishing_ = false;
    milliseconds drain_{0};
};

Router::Router(RouterOptions options)
    : registry_(modules::parseManifest(options.manifest)),
      main_(loop_, std::move(options.main), events()),
      controller_({loop_, engines_, spawner_, builder_, main_, registry_.catalog(),
                   ConfigDefaults{options.tmpDir, options.asUnit}, !options.configFile.empty()}),
      service_(loop_, controller_, main_, options.configFile),
      resources_({jobs_, service_, controller_, main_, engines_, spawner_, certificates_}),
      control_(std::move(options.control)), controlUsers_(std::move(options.controlUsers))
{
}

MainChannel::Events Router::events()
{
    MainChannel::Events events;
    events.configure = [this](std::uint64_t request, ipc::ConfigOrigin origin, std::uint32_t uid,
                              UniqueFd bundle) {
        auto kept = std::make_shared<UniqueFd>(std::move(bundle));
        jobs_.push([=, this] { begin(request, origin, uid, *kept); });
    };
    events.reload = [this](std::uint32_t uid) {
        if (!std::exchange(reloadQueued_, true)) { // one that has not begun will see this change
            jobs_.push([this, uid] { reload(uid); });
        }
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
    jobs_.push([this] { certificates_.load(); });
    main_.routerReady();
    while (loop_.runUntil([this] { return !jobs_.empty(); })) {
        jobs_.runOne();
        healer_.look();
    }
    return finish();
}

// daemon.md 5: what people and tools look for.
void logRefusal(const std::exception &error, ipc::ConfigOrigin origin)
{
    const auto *config = dynamic_cast<const ConfigError *>(&error);
    bool syntax = config != nullptr && config->stage() == ConfigError::Stage::syntax;
    bool stored = origin != ipc::ConfigOrigin::file;
    if (stored && syntax) {
        log::alert("failed to restore previous configuration: file is corrupted or not enough "
                   "memory");
    }
    std::string_view prefix = stored && !syntax ? "the previous configuration is invalid: " : "";
    for (std::string_view rest = error.what(); !rest.empty();) { // each problem a line of its own
        std::size_t end = std::min(rest.find('\n'), rest.size());
        log::write(log::Level::alert, std::string(prefix).append(rest.substr(0, end)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (!stored) {
        log::alert("failed to apply new conf: no configuration is active");
    }
}

void Router::begin(std::uint64_t request, ipc::ConfigOrigin origin, std::uint32_t uid,
                   const UniqueFd &bundle)
{
    std::string refusal;
    try {
        service_.begin(origin, ipc::readBundle(bundle.get(), ipc::kMaxConfigText), uid);
    } catch (const std::exception &error) {
        refusal = error.what();
        logRefusal(error, origin);
    }
    if (!mainGone_) {
        main_.configured(request, refusal.empty(), outcomeText(refusal));
    }
    if (refusal.empty()) {
        openControl();
    }
}

// Not before there is a configuration: a change must not begin with an empty one. Until then
// clients wait in the socket.
void Router::openControl()
{
    if (control_ && !server_) {
        server_.emplace(loop_, control_.get(), controlUsers_,
                        [this](api::Request request, const api::Respond &respond) {
                            resources_.handle(std::move(request), respond);
                        });
    }
}

void Router::reload(std::uint32_t uid)
{
    reloadQueued_ = false;
    std::string refusal;
    try {
        service_.reload(uid, false);
    } catch (const std::exception &error) {
        refusal = error.what(); // it is in the log
    }
    if (!mainGone_) {
        main_.reloaded(refusal.empty(), outcomeText(refusal));
    }
}

std::string Router::outcomeText(const std::string &refusal) const
{
    if (!refusal.empty()) {
        return refusal;
    }
    std::string text =
        "configuration generation " + std::to_string(controller_.generation()) + " applied";
    const char *before = "; without its module: ";
    for (const LeftOut &out : controller_.active()->ailments.leftOut) {
        text.append(before).append(out.kindText()).append(" \"" + out.name + "\"");
        before = ", ";
    }
    return text;
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
    if (const ActiveConfig *active = controller_.active()) {
        for (const auto &sink : active->snapshot->sinks) {
            sink->reopen();
        }
    }
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
    jobs_.close();
    engines_.stopAll(drain_, [stopped] { *stopped = true; });
    wait(*stopped, drain_ + kCutTime);
    server_.reset(); // nobody must see a configuration that is gone
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
        log::stopBackground();
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
    int status = 1;
    try {
        log::startBackground(); // no engine waits for a disk, no client for a reader of the log
        checkTmpDir(options.tmpDir);
        Router router(std::move(options));
        status = router.run();
    } catch (const std::exception &error) {
        log::alert("router failed: %s", error.what());
    }
    log::stopBackground();
    return status;
}

} // namespace patchbay::control
