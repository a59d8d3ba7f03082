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
    Entry *known = findUsable(plan.key.str());
    Entry &entry = known != nullptr ? *known : start(plan, makeEncoder);
    ApplicationPtr lease = entry.lease.lock();
    if (!lease) {
        lease = makeLease(entry);
    }
    entry.named = true;
    return lease;
}

// One that was not told to go yet, and is named or worth keeping. Older ones of that key never are.
Spawner::Entry *Spawner::findUsable(const std::string &key)
{
    auto latest = latest_.find(key);
    if (latest == latest_.end()) {
        return nullptr;
    }
    Entry &entry = entries_.at(latest->second);
    const AppSupervisor &supervisor = *entry.supervisor;
    bool usable = supervisor.phase() == AppSupervisor::Phase::live &&
                  (!entry.lease.expired() || supervisor.serving() || !supervisor.failure());
    return usable ? &entry : nullptr;
}

Spawner::Entry &Spawner::start(const AppPlan &plan, const MakeEncoder &makeEncoder)
{
    ApplicationPtr application = makeApplication(plan, makeEncoder);
    const app::Application *raw = application.get();
    Entry made;
    made.supervisor = std::make_unique<AppSupervisor>(context_, plan, std::move(application),
                                                      [this, raw] { ended(raw); });
    Entry &entry = entries_.emplace(raw, std::move(made)).first->second;
    try {
        entry.supervisor->start();
        latest_.erase(plan.key.str()); // that key is an older one's
        latest_.emplace(entry.supervisor->key().str(), raw);
    } catch (...) {
        entry.supervisor->leave(); // nobody will hold it
        throw;
    }
    return entry;
}

// Engines drop their references on their own threads; the end is ours all the same.
ApplicationPtr Spawner::makeApplication(const AppPlan &plan, const MakeEncoder &makeEncoder)
{
    auto made = std::make_unique<app::Application>(plan.name, plan.key, makeEncoder(), plan.limits);
    auto *loop = &context_.loop;
    made->setOverseer(makeOverseer(*made));
    return {made.release(), [loop](app::Application *application) {
                loop->post([application] { delete application; });
            }};
}

// Whatever an engine says arrives later, when the application may be gone.
app::Overseer Spawner::makeOverseer(const app::Application &application)
{
    using Tell = std::function<void(AppSupervisor &)>;
    auto *loop = &context_.loop;
    std::weak_ptr<Spawner *> weak = self_;
    auto post = [loop, weak, raw = &application](Tell tell) {
        loop->post([weak, raw, tell = std::move(tell)] {
            auto self = weak.lock();
            if (AppSupervisor *supervisor = self ? (*self)->find(raw) : nullptr) {
                tell(*supervisor);
            }
        });
    };
    return {[post] { post([](AppSupervisor &supervisor) { supervisor.wanted(); }); },
            [post](const WorkerViewPtr &worker) {
                post([worker](AppSupervisor &supervisor) { supervisor.workerHangs(*worker); });
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
                (*self)->leaseEnded();
            }
        });
    });
    entry.lease = lease;
    return lease;
}

AppSupervisor *Spawner::find(const app::Application *application) const
{
    auto entry = entries_.find(application);
    return entry == entries_.end() ? nullptr : entry->second.supervisor.get();
}

bool Spawner::settled(const app::Application &application) const
{
    const AppSupervisor *supervisor = find(&application);
    return supervisor == nullptr || supervisor->settled();
}

std::optional<std::string> Spawner::failure(const app::Application &application) const
{
    const AppSupervisor *supervisor = find(&application);
    return supervisor == nullptr || supervisor->serving() ? std::nullopt : supervisor->failure();
}

bool Spawner::isUnavailable(const app::Application &application) const
{
    const AppSupervisor *supervisor = find(&application);
    return supervisor != nullptr && supervisor->isUnavailable();
}

std::optional<AppReport> Spawner::report(const app::Application &application) const
{
    const AppSupervisor *supervisor = find(&application);
    return supervisor == nullptr ? std::nullopt : std::optional(supervisor->report());
}

void Spawner::keepOnly(const std::vector<ApplicationPtr> &named)
{
    for (auto &[application, entry] : entries_) {
        entry.named = false;
    }
    for (const ApplicationPtr &application : named) {
        if (auto entry = entries_.find(application.get()); entry != entries_.end()) {
            entry->second.named = true;
        }
    }
    poll_ = kFirstPoll;
    check();
}

// A snapshot lets go of many at once: one look at all of them is enough.
void Spawner::leaseEnded()
{
    if (checking_) {
        return;
    }
    checking_ = true;
    std::weak_ptr<Spawner *> weak = self_;
    context_.loop.post([weak] {
        if (auto self = weak.lock()) {
            (*self)->checking_ = false;
            (*self)->check();
        }
    });
}

// Sends away what the configuration in effect does not name, once nothing is in flight. Engines
// count a request from its first byte, and a listener that can still send some as one.
void Spawner::check()
{
    context_.loop.cancel(timer_);
    bool waiting = false;
    for (auto &[application, entry] : entries_) {
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
    auto entry = entries_.find(application);
    auto latest = latest_.find(entry->second.supervisor->key().str());
    if (latest != latest_.end() && latest->second == application) {
        latest_.erase(latest);
    }
    entries_.erase(entry);
    if (entries_.empty() && whenEmpty_) {
        std::exchange(whenEmpty_, {})();
    }
}

void Spawner::introduce(EnginePort &engine)
{
    for (auto &[application, entry] : entries_) {
        entry.supervisor->introduce(engine);
    }
}

void Spawner::childExited(pid_t pid, int status)
{
    for (auto &[application, entry] : entries_) {
        entry.supervisor->childExited(pid, status);
    }
}

void Spawner::reopenFiles()
{
    for (auto &[application, entry] : entries_) {
        entry.supervisor->reopenFiles();
    }
}

void Spawner::leaveAll(std::function<void()> done)
{
    if (entries_.empty()) {
        context_.loop.post(std::move(done));
        return;
    }
    whenEmpty_ = std::move(done);
    for (auto &[application, entry] : entries_) {
        entry.supervisor->leave();
    }
}

void Spawner::killAll()
{
    for (auto &[application, entry] : entries_) {
        entry.supervisor->kill();
    }
}

} // namespace patchbay::control
