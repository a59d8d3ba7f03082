// [control] The live set of applications (seed S01): hands them out to configurations, starts them,
// and lets them go when no configuration names them and their last request is answered (S52).
#pragma once

#include "router/config/config_snapshot.hpp"
#include "router/control/app_supervisor.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace patchbay::control {

class Spawner {
public:
    using MakeEncoder = std::function<std::shared_ptr<modules::EncoderInstance>()>;

    explicit Spawner(ControlContext context);
    ~Spawner(); // afterwards nothing of an application runs any more, or the router is dying

    // The application of that key: the one that runs, or runs out but has not been told to go yet
    // (C4), else a new one that begins to start. It runs for as long as the result is held; letting
    // go, on whatever thread, is all it takes to retire it.
    ApplicationPtr acquire(const AppPlan &plan, const MakeEncoder &makeEncoder);

    // A worker of it runs, or the first start has failed: see failure().
    bool settled(const app::Application &application) const;
    // Why the last start failed; nothing while it serves or has not been decided.
    std::optional<std::string> failure(const app::Application &application) const;
    // It stands for one that cannot be started (AppPlan::unavailable).
    bool isUnavailable(const app::Application &application) const;
    // Nothing when nothing is left of it.
    std::optional<AppReport> report(const app::Application &application) const;

    // These applications are what the configuration in effect names. Others go as soon as nothing
    // is in flight for them.
    void keepOnly(const std::vector<ApplicationPtr> &named);
    void introduce(EnginePort &engine);
    void childExited(pid_t pid, int status);
    void reopenFiles(); // that applications write their output to
    // Everything goes now. done: nothing is left; on [control].
    void leaveAll(std::function<void()> done);
    // After leaveAll, for those that do not go.
    void killAll();

    std::size_t applications() const noexcept { return entries_.size(); }

private:
    struct Entry {
        std::unique_ptr<AppSupervisor> supervisor;
        std::weak_ptr<app::Application> lease; // what configurations hold
        bool named = true;                     // by the one in effect or to be
    };

    Entry *findUsable(const std::string &key);
    Entry &start(const AppPlan &plan, const MakeEncoder &makeEncoder);
    ApplicationPtr makeLease(Entry &entry);
    ApplicationPtr makeApplication(const AppPlan &plan, const MakeEncoder &makeEncoder);
    app::Overseer makeOverseer(const app::Application &application);
    AppSupervisor *find(const app::Application *application) const;
    void leaseEnded();
    void check();
    void ended(const app::Application *application);

    ControlContext context_;
    std::unordered_map<const app::Application *, Entry> entries_;
    // By key, which the entry's supervisor has.
    std::unordered_map<std::string_view, const app::Application *> latest_;
    bool checking_ = false; // check() will come
    ControlLoop::TimerId timer_ = 0;
    std::chrono::milliseconds poll_;  // of its next run
    std::function<void()> whenEmpty_; // of leaveAll
    std::shared_ptr<Spawner *> self_; // leases may outlive us
};

} // namespace patchbay::control
