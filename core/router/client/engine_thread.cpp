#include "router/client/engine_thread.hpp"

#include "base/log.hpp"
#include "router/client/connection.hpp"
#include "router/client/listeners.hpp"

#include <pthread.h>
#include <signal.h>

#include <cassert>
#include <cstdio>
#include <exception>
#include <map>
#include <thread>

namespace patchbay::client {

class EngineThread::Impl final : private engine::TurnHook, private engine::Timer {
public:
    explicit Impl(std::uint32_t number)
        : context_(std::make_unique<EngineContext>(number, counters_)),
          listeners_(std::make_unique<Listeners>(*context_)), number_(number)
    {
        sigset_t all, old; // signals are [control]'s business
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        try {
            thread_ = std::thread([this] { main(); });
        } catch (...) {
            pthread_sigmask(SIG_SETMASK, &old, nullptr);
            throw;
        }
        pthread_sigmask(SIG_SETMASK, &old, nullptr);
    }
    ~Impl() { leave(); } // the wheel goes before the bases do
    // The thread ends, if it has not yet. What was asked of it too late gets its `done`.
    void join()
    {
        thread_.join();
        context_->engine.mailbox().drain();
    }
    Impl(const Impl &) = delete;
    Impl &operator=(const Impl &) = delete;

    void post(engine::Mailbox::Task task) { context_->engine.mailbox().post(std::move(task)); }
    std::uint32_t number() const noexcept { return number_; }
    const EngineCounters &counters() const noexcept { return counters_; }

    // All below: [engine]. After finish() there is nothing left to act on.
    void adopt(const config::SnapshotPtr &snapshot);
    void retire(std::shared_ptr<Impl> heir);
    void take(Handover &handover);
    void attach(const std::shared_ptr<app::Application> &application,
                std::shared_ptr<app::WorkerView> worker);
    void gone(const app::Application &application, const app::WorkerView &worker);
    void down(const app::Application &application);
    void opened(const std::shared_ptr<app::Application> &application, app::Workspace &workspace,
                int doorbell);
    void removed(const app::Application &application);
    std::vector<config::GenerationUse> census() const;
    void expire(std::uint64_t generation);
    void stop(std::chrono::milliseconds deadline, Done done);

private:
    void main();
    void endOfTurn() override;
    bool expectsSoon() const override { return context_->links.isBusy(); }
    bool hasArrived() const override { return context_->links.hasArrived(); }
    bool prepareSleep() override;
    void endSleep() override { context_->links.endSleep(); }
    void onTimer() override; // the deadline of stop()
    void finish() noexcept;
    void cutAll() noexcept;
    void freeClosed() noexcept;
    void checkInvariants() const noexcept;

    EngineCounters counters_;
    std::unique_ptr<EngineContext> context_;
    std::unique_ptr<Listeners> listeners_;
    std::uint32_t number_;
    bool finished_ = false;
    Done stopped_;
    std::thread thread_;
};

void EngineThread::Impl::main()
{
    char name[16];
    std::snprintf(name, sizeof name, "engine-%u", number_);
    pthread_setname_np(pthread_self(), name);
    context_->engine.run(*this);
    context_->engine.mailbox().drain(); // posted meanwhile: only their `done` still matters
    std::exchange(stopped_, nullptr)();
}

void EngineThread::Impl::adopt(const config::SnapshotPtr &snapshot)
{
    if (!finished_ && !context_->stopping) {
        listeners_->adopt(snapshot);
    }
}

void EngineThread::Impl::retire(std::shared_ptr<Impl> heir)
{
    if (finished_ || context_->stopping) {
        return;
    }
    context_->heir = [heir = std::move(heir)](Handover handover) {
        // Shared only because a Task must be copyable. A heir that has ended closes it.
        auto shared = std::make_shared<Handover>(std::move(handover));
        heir->post([impl = heir.get(), shared] { impl->take(*shared); });
    };
    listeners_->closeAll();
}

void EngineThread::Impl::take(Handover &handover)
{
    if (!finished_) {
        listeners_->take(std::move(handover));
    }
}

void EngineThread::Impl::attach(const std::shared_ptr<app::Application> &application,
                                std::shared_ptr<app::WorkerView> worker)
{
    if (!finished_) {
        context_->links.add(application).attach(std::move(worker));
    }
}

void EngineThread::Impl::gone(const app::Application &application, const app::WorkerView &worker)
{
    if (app::AppLink *link = context_->links.find(application); link != nullptr) {
        link->workerGone(worker);
    }
}

void EngineThread::Impl::down(const app::Application &application)
{
    if (app::AppLink *link = context_->links.find(application); link != nullptr) {
        link->down();
    }
}

void EngineThread::Impl::opened(const std::shared_ptr<app::Application> &application,
                                app::Workspace &workspace, int doorbell)
{
    if (!finished_ && !context_->links.add(application).open(workspace, doorbell)) {
        log::alert("engine %u cannot poll the doorbell of \"%s\" (%d)", number_,
                   application->name().c_str(), errno);
    }
}

void EngineThread::Impl::removed(const app::Application &application)
{
    context_->links.remove(application);
}

std::vector<config::GenerationUse> EngineThread::Impl::census() const
{
    std::map<std::uint64_t, config::GenerationUse> uses;
    auto of = [&uses](const Binding &binding) -> config::GenerationUse & {
        config::GenerationUse &use = uses[binding.generation()];
        use.generation = binding.generation();
        return use;
    };
    for (Binding *binding = context_->bindings.front(); binding != nullptr;
         binding = context_->bindings.after(*binding)) {
        of(*binding).bindings++;
    }
    for (Connection *connection = context_->connections.front(); connection != nullptr;
         connection = context_->connections.after(*connection)) {
        if (const Binding *binding = connection->inUse(); binding != nullptr) {
            of(*binding).connections++;
            of(*binding).requests += connection->hasExchange() ? 1 : 0;
        }
    }
    std::vector<config::GenerationUse> result;
    for (const auto &[generation, use] : uses) {
        result.push_back(use);
    }
    return result;
}

// Those without a request count too if their listener has gone: they keep its last binding.
void EngineThread::Impl::expire(std::uint64_t generation)
{
    Connection *next = nullptr;
    for (Connection *c = context_->connections.front(); c != nullptr; c = next) {
        next = context_->connections.after(*c);
        if (c->generation() <= generation) {
            c->close();
        }
    }
}

void EngineThread::Impl::stop(std::chrono::milliseconds deadline, Done done)
{
    if (finished_) {
        return;
    }
    if (!stopped_) { // the second time only the deadline counts
        stopped_ = std::move(done);
    }
    context_->stopping = true;
    listeners_->closeAll();
    const engine::TimePoint until = context_->engine.now() + deadline;
    context_->engine.timers().set(*this, std::min(until, this->deadline()));
    if (deadline.count() == 0) {
        onTimer();
    }
}

void EngineThread::Impl::onTimer()
{
    cutAll();
    finish();
}

void EngineThread::Impl::cutAll() noexcept
{
    while (Connection *connection = context_->connections.front()) {
        connection->close();
    }
}

// Lets go of everything that [control] counts.
void EngineThread::Impl::finish() noexcept
{
    if (finished_) {
        return;
    }
    finished_ = true;
    cancel();
    freeClosed();
    listeners_.reset();
    context_->heir = nullptr;
    context_->links.orphanAll();
    context_->links.clear();
    context_->engine.quit();
}

void EngineThread::Impl::endOfTurn()
{
    if (finished_) {
        return;
    }
    for (std::size_t i = context_->resume.size(); i > 0; i--) {
        Connection *connection = context_->resume.back();
        context_->resume.pop_back();
        connection->resume();
    }
    context_->links.endOfTurn();
    freeClosed();
    context_->links.signalWorkers();
    checkInvariants();
    if (context_->stopping && context_->connections.empty() && !context_->links.isBusy()) {
        finish();
    }
}

bool EngineThread::Impl::prepareSleep()
{
    return context_->resume.empty() && context_->links.prepareSleep();
}

void EngineThread::Impl::freeClosed() noexcept
{
    for (Connection *connection : context_->closed) {
        Connection::destroy(connection);
    }
    context_->closed.clear();
}

void EngineThread::Impl::checkInvariants() const noexcept
{
    const auto get = [](const std::atomic<std::uint64_t> &counter) {
        return counter.load(std::memory_order_relaxed);
    };
    assert(get(counters_.accepted) + get(counters_.moved) - get(counters_.closed) ==
           get(counters_.active) + get(counters_.idle));
    static_cast<void>(get);
}

EngineThread::EngineThread(std::uint32_t number) : impl_(std::make_shared<Impl>(number)) {}

EngineThread::~EngineThread()
{
    impl_->join();
}

std::uint32_t EngineThread::number() const noexcept
{
    return impl_->number();
}

const EngineCounters &EngineThread::counters() const noexcept
{
    return impl_->counters();
}

void EngineThread::adopt(config::SnapshotPtr snapshot, Done done)
{
    impl_->post(
        [impl = impl_.get(), snapshot = std::move(snapshot), done = std::move(done)]() mutable {
            impl->adopt(snapshot);
            snapshot.reset(); // before anyone hears that we are done
            done();
        });
}

void EngineThread::retire(EngineThread &heir, Done done)
{
    impl_->post([impl = impl_.get(), heir = heir.impl_, done = std::move(done)]() mutable {
        impl->retire(std::move(heir));
        done();
    });
}

void EngineThread::workerAttached(std::shared_ptr<app::Application> application,
                                  std::shared_ptr<app::WorkerView> worker)
{
    impl_->post(
        [impl = impl_.get(), application = std::move(application),
         worker = std::move(worker)]() mutable { impl->attach(application, std::move(worker)); });
}

void EngineThread::workerGone(std::shared_ptr<app::Application> application,
                              std::shared_ptr<app::WorkerView> worker, Done done)
{
    impl_->post([impl = impl_.get(), application = std::move(application),
                 worker = std::move(worker), done = std::move(done)]() mutable {
        impl->gone(*application, *worker);
        worker.reset();
        application.reset();
        done();
    });
}

void EngineThread::applicationDown(std::shared_ptr<app::Application> application)
{
    impl_->post(
        [impl = impl_.get(), application = std::move(application)] { impl->down(*application); });
}

void EngineThread::applicationOpened(std::shared_ptr<app::Application> application)
{
    app::Workspace &workspace = application->open();
    const int doorbell = workspace.doorbell(impl_->number());
    impl_->post([impl = impl_.get(), application = std::move(application), &workspace, doorbell] {
        impl->opened(application, workspace, doorbell);
    });
}

void EngineThread::applicationRemoved(std::shared_ptr<app::Application> application, Done done)
{
    impl_->post([impl = impl_.get(), application = std::move(application),
                 done = std::move(done)]() mutable {
        impl->removed(*application);
        application.reset();
        done();
    });
}

void EngineThread::census(CensusDone done)
{
    impl_->post([impl = impl_.get(), done = std::move(done)] { done(impl->census()); });
}

void EngineThread::expire(std::uint64_t generation)
{
    impl_->post([impl = impl_.get(), generation] { impl->expire(generation); });
}

void EngineThread::stop(std::chrono::milliseconds deadline, Done done)
{
    impl_->post([impl = impl_.get(), deadline, done = std::move(done)]() mutable {
        impl->stop(deadline, std::move(done));
    });
}

} // namespace patchbay::client
