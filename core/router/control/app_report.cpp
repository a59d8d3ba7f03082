// [control] AppSupervisor, what it says of itself. Asked by spawner.
#include "router/control/app_supervisor.hpp"

#include <algorithm>

namespace patchbay::control {
namespace {

using State = WorkerProcess::State;

// The difference of two counts that engines change meanwhile.
std::uint64_t less(std::uint64_t all, std::uint64_t part) noexcept
{
    return all - std::min(all, part);
}

void addRequests(AppReport &report, app::Application &application)
{
    report.active = less(application.inFlight, application.bindings);
    report.requests = application.requests;
    report.refusedFull = application.refusedFull;
    report.refusedLate = application.refusedLate;
    report.unavailable = application.unavailable;
    report.unsendable = application.unsendable;
    report.workerDied = application.workerDied;
    report.timedOut = application.timedOut;
    report.badReply = application.badReply;
    report.clientGone = application.clientGone;
    report.taken = application.taken;
    report.waitMicroseconds = application.waitMicroseconds;
}

} // namespace

AppReport AppSupervisor::report() const
{
    AppReport report;
    report.name = plan_.name;
    report.running = countRunning();
    report.starting = countStarting();
    report.idle = countIdle();
    report.dormant = isDormant();
    report.started = started_;
    report.died = died_;
    report.failure = failure_;
    report.output = output_.tail();
    report.queued = backlog();
    addRequests(report, *application_);
    return report;
}

// Requests handed over that no worker has taken.
std::uint64_t AppSupervisor::backlog() const noexcept
{
    const app::Workspace *workspace = application_->workspace();
    return workspace != nullptr ? workspace->queue().backlog() : 0;
}

std::uint32_t AppSupervisor::countRunning() const noexcept
{
    return static_cast<std::uint32_t>(
        std::count_if(workers_.begin(), workers_.end(),
                      [](const WorkerPtr &worker) { return worker->state() == State::running; }));
}

// A prototype on its way counts: it will have workers.
std::uint32_t AppSupervisor::countStarting() const noexcept
{
    auto starting = std::count_if(workers_.begin(), workers_.end(), [](const WorkerPtr &worker) {
        return worker->state() == State::starting;
    });
    bool prototype = prototype_ && prototype_->state() == PrototypeProcess::State::starting;
    return static_cast<std::uint32_t>(starting) + (prototype ? 1 : 0);
}

// Those of which every thread sleeps, as they say themselves.
std::uint32_t AppSupervisor::countIdle() const noexcept
{
    auto idle = std::count_if(workers_.begin(), workers_.end(), [this](const WorkerPtr &worker) {
        const app::WorkerView &view = *worker->view();
        return worker->state() == State::running &&
               workspace().queue().idleOf(view.firstSeat, view.seats) == view.seats;
    });
    return static_cast<std::uint32_t>(idle);
}

} // namespace patchbay::control
