// [control] See app_supervisor.hpp. Driven by spawner and by the processes' own channels. How many
// workers there are to be: app_scaling.cpp.
#include "router/control/app_supervisor.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

namespace patchbay::control {
namespace {

using State = WorkerProcess::State;
using Clock = Backoff::Clock;

void logExit(pid_t pid, int status)
{
    if (WIFSIGNALED(status)) {
        log::alert("app process %d exited on signal %d", pid, WTERMSIG(status));
    } else {
        log::notice("app process %d exited with code %d", pid, WEXITSTATUS(status));
    }
}

} // namespace

AppSupervisor::AppSupervisor(ControlContext context, AppPlan plan, ApplicationPtr application,
                             std::function<void()> ended)
    : context_(context), plan_(std::move(plan)), application_(std::move(application)),
      ended_(std::move(ended)), output_(context.loop, plan_.name),
      scaling_(plan_.scale, plan_.threads), self_(std::make_shared<AppSupervisor *>(this))
{
    if (isUnavailable()) {
        failure_ = plan_.unavailable;
    }
}

AppSupervisor::~AppSupervisor()
{
    context_.loop.cancel(retryTimer_);
    context_.loop.cancel(wantedTimer_);
    context_.loop.cancel(idleTimer_);
}

void AppSupervisor::start()
{
    reconcile();
}

// The one place that compares what there is with what should be. Called after every change.
void AppSupervisor::reconcile()
{
    if (phase_ != Phase::live) {
        publish();
        finishLeaving();
        return;
    }
    context_.loop.cancel(retryTimer_);
    if (isUnavailable()) {
        publish();
        return;
    }
    if (!backoff_.open(Clock::now())) {
        auto wait = std::chrono::ceil<std::chrono::milliseconds>(backoff_.next() - Clock::now());
        retryTimer_ = context_.loop.after(wait, [this] {
            retryTimer_ = 0;
            reconcile();
        });
    } else if (std::uint32_t missing = missingWorkers(); missing != 0) {
        if (!prototype_) {
            startPrototype();
        } else if (prototype_->state() == PrototypeProcess::State::ready) {
            startWorkers(missing);
        }
    }
    retireOldWorkers();
    watchIdleWorkers();
    publish();
}

void AppSupervisor::startPrototype()
{
    PrototypeProcess::Events events;
    events.ready = [this] {
        log::info("\"%s\" prototype started", plan_.name.c_str());
        reconcile();
    };
    events.dead = [this](const std::string &error) { prototypeDead(error); };
    events.workerForked = [this](std::uint32_t number, pid_t pid, UniqueFd pidfd) {
        if (WorkerPtr worker = find(number, 0); worker && isCurrent(*worker)) {
            started_++;
            worker->forked(pid, std::move(pidfd));
        }
    };
    events.workerExited = [this](std::uint32_t number, pid_t pid, int status) {
        output_.drain();
        if (pid != 0) { // 0: it could not be forked
            logExit(pid, status);
        }
        if (WorkerPtr worker = find(number, pid); worker && isCurrent(*worker)) {
            worker->exited(pid, status);
        }
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && phase_ == Phase::live) {
            backoff_.forgive(Clock::now());
            reconcile();
        }
    };
    prototype_ =
        std::make_shared<PrototypeProcess>(context_.loop, ++lastSerial_, startLimit(), events);
    try {
        open();
        prototype_->start(context_.main, plan_.name, plan_.start, output_.writeEnd());
    } catch (const Error &error) { // no descriptor, no memory
        prototypeDead(error.what());
    }
}

// Its workers serve on; they are replaced once a successor has workers of its own.
void AppSupervisor::prototypeDead(const std::string &error)
{
    bool failed = !error.empty();
    output_.drain(); // before anybody is told: it may say why
    // It is calling us: it ends after that.
    context_.loop.post([dead = std::move(prototype_)] {});
    prototype_.reset();
    for (const WorkerPtr &worker : workers_) {
        worker->orphaned();
    }
    if (phase_ == Phase::live) {
        noteFailure(failed ? "prototype" : nullptr, error);
    }
    reconcile();
}

void AppSupervisor::workerReady()
{
    log::info("\"%s\" application started", plan_.name.c_str());
    failure_.reset();
    reconcile();
}

void AppSupervisor::workerDead(std::uint32_t number, State before)
{
    auto found = std::find_if(workers_.begin(), workers_.end(), [&](const WorkerPtr &other) {
        return other->number() == number; // unique: dead ones keep theirs for a while
    });
    WorkerPtr worker = *found;
    output_.drain(); // before anybody is told: it may say why
    bool asked = before == State::leaving || phase_ != Phase::live;
    died_ += !asked && worker->pid() != 0 ? 1 : 0;
    if (phase_ == Phase::live && before == State::starting && !worker->unborn()) {
        noteFailure("application", worker->error().empty() ? "its process ended before it was ready"
                                                           : worker->error());
    } else if (phase_ == Phase::live && before == State::running) {
        noteFailure(nullptr, {});
    } // how its prototype ended has been noted for one that is unborn
    std::weak_ptr<AppSupervisor *> weak = self_;
    context_.engines.askAll(
        [&](EnginePort &engine, EngineSet::Done done) {
            engine.workerGone(application_, worker->view(), std::move(done));
        },
        [weak, worker] {
            if (auto self = weak.lock()) {
                (*self)->workerForgotten(worker);
            }
        });
    reconcile();
}

// Every engine has failed what the worker had taken; its number and seats may be used again.
void AppSupervisor::workerForgotten(const WorkerPtr &worker)
{
    const app::WorkerView &view = *worker->view();
    // Hands on a wake-up that died with it.
    workspace().queue().forgetSeats(view.firstSeat, view.seats);
    std::erase(workers_, worker);
    reconcile();
}

// what: which start failed, null when something died that had been running.
void AppSupervisor::noteFailure(const char *what, const std::string &error)
{
    if (what != nullptr) {
        log::warn("failed to start %s \"%s\": %s", what, plan_.name.c_str(), error.c_str());
        failure_ = error;
    }
    backoff_.failed(Clock::now(), application_->answered.exchange(false), what != nullptr);
}

void AppSupervisor::leave()
{
    if (phase_ != Phase::live) {
        return;
    }
    phase_ = Phase::leaving;
    context_.loop.cancel(retryTimer_);
    context_.loop.cancel(wantedTimer_);
    context_.loop.cancel(idleTimer_);
    for (const WorkerPtr &worker : workers_) {
        worker->quit();
    }
    if (prototype_) {
        prototype_->quit(); // it waits for its workers, and ends those that do not go
    }
    reconcile();
}

void AppSupervisor::kill()
{
    for (const WorkerPtr &worker : workers_) {
        worker->kill();
    }
}

void AppSupervisor::finishLeaving()
{
    if (!workers_.empty() || prototype_ || removing_) {
        return;
    }
    removing_ = true;
    std::weak_ptr<AppSupervisor *> weak = self_;
    context_.engines.askAll(
        [this](EnginePort &engine, EngineSet::Done done) {
            engine.applicationRemoved(application_, std::move(done));
        },
        [weak] {
            if (auto self = weak.lock()) {
                (*self)->phase_ = Phase::gone;
                auto ended = std::move((*self)->ended_);
                ended(); // deletes us
            }
        });
}

void AppSupervisor::introduce(EnginePort &engine)
{
    if (removing_ || !open_) {
        return;
    }
    engine.applicationOpened(application_);
    for (const WorkerPtr &worker : workers_) {
        if (worker->state() != State::dead) {
            engine.workerAttached(application_, worker->view());
            worker->engineDoorbell(engine.number(), workspace().doorbell(engine.number()));
        }
    }
}

void AppSupervisor::childExited(pid_t pid, int status)
{
    for (const WorkerPtr &worker : workers_) {
        if (worker->pid() == pid) {
            logExit(pid, status);
        }
    }
    if (prototype_ && prototype_->pid() == pid) {
        output_.drain();
        prototype_->exited(status);
    }
}

void AppSupervisor::reopenFiles()
{
    if (prototype_) {
        prototype_->reopenFiles();
    }
    for (const WorkerPtr &worker : workers_) {
        worker->reopenFiles();
    }
}

AppSupervisor::WorkerPtr AppSupervisor::find(std::uint32_t number, pid_t pid) const
{
    auto found = std::find_if(workers_.begin(), workers_.end(), [&](const WorkerPtr &worker) {
        return worker->number() == number && worker->pid() == pid && worker->state() != State::dead;
    });
    return found == workers_.end() ? nullptr : *found;
}

} // namespace patchbay::control
