// [control] See spawner.hpp. Used by snapshot_builder (acquire) and reconfigure (keepOnly).
#include "router/control/spawner.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <algorithm>

namespace patchbay::control {
namespace {

// While requests of an application that is not named any more are in flight: seldom after a while.
constexpr std::chrono::milliseconds kFirstPoll{50};
constexpr std::chrono::milliseconds kLastPoll{1000};

} // namespace

Spawner::Spawner(ControlContext context)
    : context_(context), poll_(kFirstPoll), self_(std::make_shared<Spawner *>(this))
{
}

Spawner::~Spawner()
{
    context_.loop.cancel(timer_);
}

ApplicationPtr Spawner::acquire(const AppPlan &plan, const MakeEncoder &makeEncoder)
{
    ApplicationPtr lease =
        leases_.acquire(plan.key, [&] { return makeLease(findOrStart(plan, makeEncoder)); });
    for (Entry &entry : entries_) {
        if (entry.supervisor->application().get() == lease.get()) {
            entry.named = true;
        }
    }
    return lease;
}

Spawner::Entry &Spawner::findOrStart(const AppPlan &plan, const MakeEncoder &makeEncoder)
{
    for (Entry &entry : entries_) {
        const AppSupervisor &supervisor = *entry.supervisor;
        if (supervisor.key() == plan.key && supervisor.phase() == AppSupervisor::Phase::live &&
            (supervisor.serving() || !supervisor.failure())) {
            return entry; // revived before it was told to go
        }
    }
    ApplicationPtr application = makeApplication(plan, makeEncoder);
    const app::Application *raw = application.get();
    Entry entry;
    entry.supervisor = std::make_unique<AppSupervisor>(context_, plan, std::move(application),
                                                       [this, raw] { ended(raw); });
    entries_.push_back(std::move(entry));
    entries_.back().supervisor->start();
    return entries_.back();
}

// Engines drop their references on their own threads; the end is ours all the same.
ApplicationPtr Spawner::makeApplication(const AppPlan &plan, const MakeEncoder &makeEncoder)
{
    auto made = std::make_unique<app::Application>(plan.name, plan.key, makeEncoder());
    auto *loop = &context_.loop;
    return {made.release(), [loop](app::Application *application) {
                loop->post([application] { delete application; });
            }};
}

// Names the application without owning it: when the last lease is gone no configuration names it.
ApplicationPtr Spawner::makeLease(Entry &entry)
{
    ApplicationPtr owner = entry.supervisor->application();
    app::Application *application = owner.get();
    auto *loop = &context_.loop;
    std::weak_ptr<Spawner *> weak = self_;
    // The deleter gives its reference away: it lives on as long as there are weak pointers.
    ApplicationPtr lease(application, [loop, weak, owner](app::Application *) mutable {
        loop->post([weak, owner = std::move(owner)] {
            if (auto self = weak.lock()) {
                (*self)->check();
            }
        });
    });
    entry.lease = lease;
    return lease;
}

const AppSupervisor *Spawner::find(const app::Application &application) const
{
    for (const Entry &entry : entries_) {
        if (entry.supervisor->application().get() == &application) {
            return entry.supervisor.get();
        }
    }
    return nullptr;
}

bool Spawner::settled(const app::Application &application) const
{
    const AppSupervisor *supervisor = find(application);
    return supervisor == nullptr || supervisor->settled();
}

std::optional<std::string> Spawner::failure(const app::Application &application) const
{
    const AppSupervisor *supervisor = find(application);
    return supervisor == nullptr || supervisor->serving() ? std::nullopt : supervisor->failure();
}

void Spawner::keepOnly(const std::vector<ApplicationPtr> &named)
{
    for (Entry &entry : entries_) {
        entry.named = std::any_of(named.begin(), named.end(), [&](const ApplicationPtr &other) {
            return other.get() == entry.supervisor->application().get();
        });
    }
    poll_ = kFirstPoll;
    check();
}

// Sends away what the configuration in effect does not name, once nothing is in flight. Engines
// count a request from its first byte, and a listener that can still send some as one.
void Spawner::check()
{
    context_.loop.cancel(timer_);
    bool waiting = false;
    for (Entry &entry : entries_) {
        if (entry.supervisor->phase() != AppSupervisor::Phase::live ||
            (entry.named && !entry.lease.expired())) {
            continue;
        }
        if (entry.supervisor->quiet()) {
            entry.supervisor->leave();
        } else {
            waiting = true;
        }
    }
    if (waiting) {
        timer_ = context_.loop.after(poll_, [this] {
            timer_ = 0;
            poll_ = std::min(poll_ * 2, kLastPoll);
            check();
        });
    }
}

void Spawner::ended(const app::Application *application)
{
    // Called by the supervisor itself, as the last thing it does.
    std::erase_if(entries_, [application](const Entry &entry) {
        return entry.supervisor->application().get() == application;
    });
    if (entries_.empty() && whenEmpty_) {
        std::exchange(whenEmpty_, {})();
    }
}

void Spawner::introduce(EnginePort &engine)
{
    for (Entry &entry : entries_) {
        entry.supervisor->introduce(engine);
    }
}

void Spawner::childExited(pid_t pid, int status)
{
    for (Entry &entry : entries_) {
        entry.supervisor->childExited(pid, status);
    }
}

void Spawner::reopenLog(int fd)
{
    for (Entry &entry : entries_) {
        entry.supervisor->reopenLog(fd);
    }
}

void Spawner::leaveAll(std::function<void()> done)
{
    if (entries_.empty()) {
        context_.loop.post(std::move(done));
        return;
    }
    whenEmpty_ = std::move(done);
    for (Entry &entry : entries_) {
        entry.supervisor->leave();
    }
}

void Spawner::killAll()
{
    for (Entry &entry : entries_) {
        entry.supervisor->kill();
    }
}

} // namespace patchbay::control
