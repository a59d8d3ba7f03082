// [control] The real engine behind EnginePort: calls go through to its thread.
#include "router/client/engine_thread.hpp"
#include "router/control/engine_set.hpp"

namespace patchbay::control {
namespace {

class ThreadPort final : public EnginePort {
public:
    explicit ThreadPort(std::uint32_t number) : engine_(number) {}
    std::uint32_t number() const noexcept override { return engine_.number(); }
    void adopt(config::SnapshotPtr snapshot, Done done) override
    {
        engine_.adopt(std::move(snapshot), std::move(done));
    }
    void retire(EnginePort &heir, Done done) override
    {
        engine_.retire(static_cast<ThreadPort &>(heir).engine_, std::move(done));
    }
    void workerAttached(ApplicationPtr application, WorkerViewPtr worker) override
    {
        engine_.workerAttached(std::move(application), std::move(worker));
    }
    void workerGone(ApplicationPtr application, WorkerViewPtr worker, Done done) override
    {
        engine_.workerGone(std::move(application), std::move(worker), std::move(done));
    }
    void applicationDown(ApplicationPtr application) override
    {
        engine_.applicationDown(std::move(application));
    }
    void applicationOpened(ApplicationPtr application) override
    {
        engine_.applicationOpened(std::move(application));
    }
    void applicationRemoved(ApplicationPtr application, Done done) override
    {
        engine_.applicationRemoved(std::move(application), std::move(done));
    }
    void census(CensusDone done) override { engine_.census(std::move(done)); }
    void expire(std::uint64_t generation) override { engine_.expire(generation); }
    EngineTotals counters() const noexcept override
    {
        const client::EngineCounters &now = engine_.counters();
        EngineTotals totals;
        totals.closed = now.closed.load(std::memory_order_relaxed); // first: accepted is not less
        totals.accepted = now.accepted.load(std::memory_order_relaxed);
        totals.active = now.active.load(std::memory_order_relaxed);
        totals.idle = now.idle.load(std::memory_order_relaxed);
        totals.requests = now.requests.load(std::memory_order_relaxed);
        return totals;
    }
    void stop(std::chrono::milliseconds deadline, Done done) override
    {
        engine_.stop(deadline, std::move(done));
    }

private:
    client::EngineThread engine_;
};

} // namespace

std::unique_ptr<EnginePort> makeEngineThread(std::uint32_t number)
{
    return std::make_unique<ThreadPort>(number);
}

} // namespace patchbay::control
