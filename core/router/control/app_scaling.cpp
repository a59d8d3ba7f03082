// [control] AppSupervisor, how many workers there are: compares what scaling wants with what runs.
// Called by app_supervisor after every change, and by engines through spawner.
#include "router/control/app_supervisor.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <algorithm>

namespace patchbay::control {
namespace {

using State = WorkerProcess::State;
using Clock = Backoff::Clock;
using std::chrono::milliseconds;

// Between an engine's wish and our look at it: whoever it has woken has taken its request by then.
// Also what keeps engines from asking more often than that.
constexpr milliseconds kWantedDelay{5};
// What the other requests of a worker that hangs may take at most.
constexpr milliseconds kLongestGrace{30'000};

bool isAlive(const WorkerProcess &worker)
{
    return worker.state() == State::starting || worker.state() == State::running;
}

WorkerViewPtr makeView(std::uint32_t number, const AppPlan &plan)
{
    ipc::WorkerSegment segment = ipc::WorkerSegment::create(plan.replyUnits);
    ipc::UnitPool pool = segment.pool();
    return std::make_shared<app::WorkerView>(
        app::WorkerView{number, number * plan.threads, plan.threads, std::move(segment), pool});
}

} // namespace

// A worker of an earlier prototype and its successor count as one.
std::uint32_t AppSupervisor::missingWorkers() const
{
    std::uint32_t old = 0;
    std::uint32_t current = 0;
    std::uint32_t starting = 0;
    for (const WorkerPtr &worker : workers_) {
        if (!isAlive(*worker)) {
            continue;
        }
        old += isCurrent(*worker) ? 0 : 1;
        current += isCurrent(*worker) ? 1 : 0;
        starting += isCurrent(*worker) && worker->state() == State::starting ? 1 : 0;
    }
    const std::uint32_t alive = std::max(old, current);
    Workforce now;
    now.starting = starting - std::min(starting, old);
    now.running = alive - now.starting;
    now.idleSeats = idleSeats();
    now.waiting = backlog();
    const std::uint64_t target = std::min<std::uint64_t>(
        std::uint64_t{alive} + scaling_.toStart(now) + owed_, plan_.scale.max);
    return target > current ? static_cast<std::uint32_t>(target - current) : 0;
}

// A worker that has not had a request yet counts as idle: it is about to lie down.
std::uint32_t AppSupervisor::idleSeats() const noexcept
{
    std::uint32_t idle = 0;
    for (const WorkerPtr &worker : workers_) {
        const app::WorkerView &view = *worker->view();
        if (worker->state() == State::running) {
            const ipc::RequestProducer &queue = workspace().queue();
            idle += queue.servedBy(view.firstSeat, view.seats) == 0
                        ? view.seats
                        : queue.idleOf(view.firstSeat, view.seats);
        }
    }
    return idle;
}

void AppSupervisor::startWorkers(std::uint32_t count)
{
    try {
        for (; count > 0; count--) {
            std::optional<std::uint32_t> number = freeNumber();
            if (!number) {
                return; // reconcile comes back when one is free
            }
            startWorker(*number);
        }
        owed_ = 0;
    } catch (const Error &error) { // no descriptor, no memory
        noteFailure("application", error.what());
        reconcile();
    }
}

// Before the first process: an application that nobody calls has neither memory nor doorbells.
// Throws Error: no descriptor, no memory.
void AppSupervisor::open()
{
    if (!open_) {
        application_->open();
        context_.engines.forEach(
            [this](EnginePort &engine) { engine.applicationOpened(application_); });
        open_ = true;
    }
}

// Engines keep the first requests of an application that starts on demand until it is open, and
// then hand them over and ask for workers. If it cannot be opened they answer 503, and the next
// request tries again.
void AppSupervisor::openForRequests()
{
    try {
        open();
    } catch (const Error &error) {
        noteFailure("application", error.what());
    }
}

void AppSupervisor::startWorker(std::uint32_t number)
{
    WorkerViewPtr view = makeView(number, plan_);
    auto [ours, theirs] = ipc::Channel::makePair();
    WorkerProcess::Events events;
    events.ready = [this] { workerReady(); };
    events.spent = [this] {
        owed_++;
        reconcile();
    };
    events.busy = [this] { return !quiet(); };
    events.dead = [this, number](State before) { workerDead(number, before); };
    auto worker = std::make_shared<WorkerProcess>(context_.loop, view, prototype_->serial(),
                                                  std::move(ours), startLimit(), std::move(events));
    workers_.push_back(worker);
    try {
        // Engines know its rings before it can put anything into them.
        context_.engines.forEach(
            [&](EnginePort &engine) { engine.workerAttached(application_, view); });
        worker->attach(workspace().segment().segment().fd(), plan_.threads, plan_.requestLimit);
        context_.engines.forEach([&](EnginePort &engine) {
            worker->engineDoorbell(engine.number(), workspace().doorbell(engine.number()));
        });
        if (!prototype_->startWorker(number, theirs)) {
            worker->kill();
        }
    } catch (...) {
        worker->kill();
        throw;
    }
}

// Workers of an earlier prototype go one by one as their successors become ready, so that the
// application never has fewer than before.
void AppSupervisor::retireOldWorkers()
{
    if (!prototype_ || prototype_->state() != PrototypeProcess::State::ready) {
        return;
    }
    std::uint32_t current = 0;
    std::uint32_t successors = 0; // those of them that are ready
    std::vector<WorkerPtr> old;
    bool leaving = false;
    for (const WorkerPtr &worker : workers_) {
        leaving = leaving || worker->state() == State::leaving;
        if (!isAlive(*worker)) {
            continue;
        }
        if (!isCurrent(*worker)) {
            old.push_back(worker);
        } else {
            current++;
            successors += worker->state() == State::running ? 1 : 0;
        }
    }
    std::size_t wanted = std::max<std::size_t>(old.size(), current);
    std::size_t keep = wanted > successors ? wanted - successors : 0;
    if (!freeNumber() && !old.empty() && !leaving) {
        keep = std::min(keep, old.size() - 1); // a successor needs its number
    }
    while (old.size() > keep) {
        old.back()->quit();
        old.pop_back();
    }
}

void AppSupervisor::watchIdleWorkers()
{
    if (plan_.scale.elastic() && idleTimer_ == 0 && countRunning() > plan_.scale.spare) {
        idleTimer_ = context_.loop.after(scaling_.lookEvery(), [this] {
            idleTimer_ = 0;
            retireIdleWorkers();
            reconcile();
        });
    }
}

// One that is taking a request just now finishes it (trap P23).
void AppSupervisor::retireIdleWorkers()
{
    const ipc::RequestProducer &queue = workspace().queue();
    std::vector<WorkerSample> running;
    for (const WorkerPtr &worker : workers_) {
        const app::WorkerView &view = *worker->view();
        if (worker->state() == State::running) {
            running.push_back({view.number, queue.idleOf(view.firstSeat, view.seats) == view.seats,
                               queue.servedBy(view.firstSeat, view.seats)});
        }
    }
    const std::vector<std::uint32_t> surplus = scaling_.surplus(running, Clock::now());
    if (backlog() != 0) {
        return;
    }
    for (const WorkerPtr &worker : workers_) {
        if (worker->state() == State::running &&
            std::find(surplus.begin(), surplus.end(), worker->number()) != surplus.end()) {
            worker->quit();
        }
    }
}

// The look is put off, not refused: no engine asks again before it.
void AppSupervisor::wanted()
{
    if (phase_ != Phase::live || wantedTimer_ != 0) {
        return;
    }
    const bool nobody = countRunning() == 0 && countStarting() == 0;
    wantedTimer_ = context_.loop.after(nobody ? milliseconds(0) : kWantedDelay, [this] {
        wantedTimer_ = 0;
        application_->hearAgain();
        if (backoff_.open(Clock::now())) {
            openForRequests();
        }
        reconcile();
    });
}

// Its successor is started at once, so that nobody waits behind it (trap P3).
void AppSupervisor::workerHangs(const app::WorkerView &view)
{
    for (const WorkerPtr &worker : workers_) {
        if (worker->view().get() != &view || worker->state() == State::dead) {
            continue;
        }
        log::warn("app process %d of \"%s\" hangs and is ended", worker->pid(), plan_.name.c_str());
        owed_ += isAlive(*worker) ? 1 : 0;
        const bool hasOthers = plan_.threads > 1 || worker->servesMany();
        worker->expel(hasOthers ? std::min(plan_.limits.answer, kLongestGrace) : milliseconds(0));
        reconcile();
        return;
    }
}

// Nobody is there, and nothing stands against starting one when a request comes.
bool AppSupervisor::isDormant() const noexcept
{
    return phase_ == Phase::live && plan_.scale.onDemand() && countRunning() == 0 &&
           countStarting() == 0 && backoff_.open(Clock::now());
}

// Who waits for a worker started on demand is told at once that it cannot start.
bool AppSupervisor::isHopeful() const noexcept
{
    return phase_ == Phase::live && backoff_.hopeful() &&
           !(plan_.scale.onDemand() && failure_.has_value());
}

// Tells the engines. What rises is stored before what falls: an engine that reads `starting`, then
// `running`, never sees both 0 while one takes over from the other. A dead worker counts until the
// engines have forgotten it.
void AppSupervisor::publish()
{
    auto buried = std::count_if(workers_.begin(), workers_.end(), [](const WorkerPtr &worker) {
        return worker->state() == State::dead && worker->diedRunning();
    });
    std::uint32_t running = countRunning() + static_cast<std::uint32_t>(buried);
    std::uint32_t starting = countStarting();
    // A short delay passes, or nobody has been there to be served: requests wait.
    if (starting == 0 && (isDormant() || isHopeful())) {
        starting = 1;
    }
    if (running > application_->running.load()) {
        application_->running.store(running);
    }
    application_->starting.store(starting);
    application_->running.store(running);
    bool down = running == 0 && starting == 0;
    if (down && !down_ && !removing_) {
        context_.engines.forEach(
            [this](EnginePort &engine) { engine.applicationDown(application_); });
    }
    down_ = down;
    publishGrowth();
}

// A request that came while engines were not to ask is looked for here.
void AppSupervisor::publishGrowth()
{
    const bool mayGrow = phase_ == Phase::live && plan_.scale.elastic() &&
                         backoff_.open(Clock::now()) &&
                         countRunning() + countStarting() < plan_.scale.max;
    if (application_->mayGrow.exchange(mayGrow) != mayGrow && mayGrow && backlog() != 0) {
        wanted();
    }
}

std::optional<std::uint32_t> AppSupervisor::freeNumber() const
{
    for (std::uint32_t number = 0; number < workerNumbers(plan_); number++) {
        bool used =
            std::any_of(workers_.begin(), workers_.end(),
                        [number](const WorkerPtr &worker) { return worker->number() == number; });
        if (!used) {
            return number;
        }
    }
    return std::nullopt;
}

} // namespace patchbay::control
