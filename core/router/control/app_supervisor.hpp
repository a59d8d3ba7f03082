// [control] Keeps one application running: its prototype, its workers, their replacements (seed
// S41-S43, S51, S52). Ends when it was told to leave and nothing of it is left.
#pragma once

#include "router/control/app_plan.hpp"
#include "router/control/app_report.hpp"
#include "router/control/application_output.hpp"
#include "router/control/backoff.hpp"
#include "router/control/engine_set.hpp"
#include "router/control/main_link.hpp"
#include "router/control/prototype_process.hpp"
#include "router/control/scaling.hpp"
#include "router/control/worker_process.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace patchbay::control {

// What every part of control that starts something needs.
struct ControlContext {
    ControlLoop &loop;
    MainLink &main;
    EngineSet &engines;
    std::chrono::milliseconds startLimit = kStartLimit;
};

class AppSupervisor {
public:
    enum class Phase : std::uint8_t { live, leaving, gone };

    // ended: nothing of the application is left and every engine has forgotten it; called once,
    // from the loop.
    AppSupervisor(ControlContext context, AppPlan plan, ApplicationPtr application,
                  std::function<void()> ended);
    ~AppSupervisor();
    AppSupervisor(const AppSupervisor &) = delete;
    AppSupervisor &operator=(const AppSupervisor &) = delete;

    void start();
    // No new worker; those there are finish what they have and go.
    void leave();
    void kill(); // whatever it is doing
    // A new engine learns of the application and its workers, and they of its doorbell.
    void introduce(EnginePort &engine);
    void wanted(); // an engine thinks that there are too few workers
    void workerHangs(const app::WorkerView &view); // an engine waits in vain for its answer
    // Reaped by main: the prototype, or a worker that has lost it.
    void childExited(pid_t pid, int status);
    void reopenFiles(); // those the application writes its output to
    AppReport report() const;

    const SharedText &key() const noexcept { return plan_.key; }
    const ApplicationPtr &application() const noexcept { return application_; }
    Phase phase() const noexcept { return phase_; }
    // No request is queued, being served or on its way, by the engines' own count: what the queue
    // says lies in memory that workers can write.
    bool quiet() const noexcept { return application_->inFlight.load() == 0; }
    bool serving() const noexcept { return countRunning() > 0; }
    // The first start is decided: a worker runs, or failure() says why none does; or there will be
    // none until a request comes.
    bool settled() const noexcept
    {
        return plan_.scale.onDemand() || serving() || failure_.has_value();
    }
    const std::optional<std::string> &failure() const noexcept { return failure_; }
    // It never starts anything: see AppPlan::unavailable.
    bool isUnavailable() const noexcept { return !plan_.unavailable.empty(); }

private:
    using WorkerPtr = std::shared_ptr<WorkerProcess>;

    // app_supervisor.cpp
    void reconcile();
    void startPrototype();
    void prototypeDead(const std::string &error);
    void workerReady();
    void workerDead(std::uint32_t number, WorkerProcess::State before);
    void workerForgotten(const WorkerPtr &worker);
    void noteFailure(const char *what, const std::string &error);
    void finishLeaving();

    // app_scaling.cpp
    std::uint32_t missingWorkers() const;
    void startWorkers(std::uint32_t count);
    void open();
    void openForRequests();
    void startWorker(std::uint32_t number);
    void retireOldWorkers();
    void watchIdleWorkers();
    void retireIdleWorkers();
    std::uint32_t idleSeats() const noexcept;
    void publish();
    void publishGrowth();
    bool isDormant() const noexcept;
    bool isHopeful() const noexcept;

    std::chrono::milliseconds startLimit() const
    {
        return plan_.startLimit.value_or(context_.startLimit);
    }
    WorkerPtr find(std::uint32_t number, pid_t pid) const;
    std::optional<std::uint32_t> freeNumber() const;
    bool isCurrent(const WorkerProcess &worker) const
    {
        return prototype_ && worker.serial() == prototype_->serial();
    }
    // Of an application with workers.
    app::Workspace &workspace() const noexcept { return *application_->workspace(); }
    std::uint64_t backlog() const noexcept;
    std::uint32_t countRunning() const noexcept;
    std::uint32_t countStarting() const noexcept;
    std::uint32_t countIdle() const noexcept;

    ControlContext context_;
    AppPlan plan_;
    ApplicationPtr application_;
    std::function<void()> ended_;
    ApplicationOutput output_;
    Phase phase_ = Phase::live;
    bool open_ = false;     // requests can be handed over: the engines have workspace and doorbells
    bool removing_ = false; // engines are forgetting it
    bool down_ = false;     // engines know that nobody serves
    std::shared_ptr<PrototypeProcess> prototype_;
    std::uint64_t lastSerial_ = 0;
    std::vector<WorkerPtr> workers_;       // dead ones until every engine has forgotten them
    std::uint64_t started_ = 0, died_ = 0; // workers, see AppReport
    ScalePlan scaling_;
    std::uint32_t owed_ = 0; // successors of workers that leave before their time
    Backoff backoff_;
    ControlLoop::TimerId retryTimer_ = 0;
    ControlLoop::TimerId wantedTimer_ = 0;  // an engine has asked
    ControlLoop::TimerId idleTimer_ = 0;    // there may be workers too many
    std::optional<std::string> failure_;    // of the last start, until one succeeds
    std::shared_ptr<AppSupervisor *> self_; // engines' acknowledgements may come after our end
};

} // namespace patchbay::control
