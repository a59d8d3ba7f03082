// [control] The engines of this router, as the control thread sees them (seed S31). Engines that
// leave still finish requests, so whatever happens to applications and workers is told to them too.
#pragma once

#include "router/app/application.hpp"
#include "router/config/config_snapshot.hpp"
#include "router/control/control_loop.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace patchbay::control {

using ApplicationPtr = std::shared_ptr<app::Application>;
using WorkerViewPtr = std::shared_ptr<app::WorkerView>;
using config::GenerationUse;

// Since the router's start; control-api.md 6.
struct EngineTotals {
    std::uint64_t accepted = 0, closed = 0;
    std::uint64_t active = 0, idle = 0; // connections now: with a request in progress, the others
    std::uint64_t requests = 0;         // read
};

// What control asks of one engine. client::EngineThread behind it, fakes in tests. Each Done may
// run on any thread.
class EnginePort {
public:
    using Done = std::function<void()>;
    using CensusDone = std::function<void(std::vector<GenerationUse>)>;

    EnginePort() = default;
    EnginePort(const EnginePort &) = delete;
    EnginePort &operator=(const EnginePort &) = delete;
    virtual ~EnginePort() = default;
    virtual std::uint32_t number() const noexcept = 0;
    virtual void adopt(config::SnapshotPtr snapshot, Done done) = 0;
    // Before stop(): lets go of its listeners, hands its connections to another engine.
    virtual void retire(EnginePort &heir, Done done) = 0;
    virtual void workerAttached(ApplicationPtr application, WorkerViewPtr worker) = 0;
    virtual void workerGone(ApplicationPtr application, WorkerViewPtr worker, Done done) = 0;
    virtual void applicationDown(ApplicationPtr application) = 0;
    virtual void applicationOpened(ApplicationPtr application) = 0;
    virtual void applicationRemoved(ApplicationPtr application, Done done) = 0;
    virtual void census(CensusDone done) = 0;
    virtual void expire(std::uint64_t generation) = 0;
    virtual EngineTotals counters() const noexcept = 0;
    virtual void stop(std::chrono::milliseconds deadline, Done done) = 0;
};

// The real engine of that number.
std::unique_ptr<EnginePort> makeEngineThread(std::uint32_t number);

class EngineSet {
public:
    using Factory = std::function<std::unique_ptr<EnginePort>(std::uint32_t number)>;
    using Introduce = std::function<void(EnginePort &)>;
    using Done = std::function<void()>;
    using CensusDone = EnginePort::CensusDone;
    using Ask = std::function<void(EnginePort &, Done)>;

    EngineSet(ControlLoop &loop, Factory factory);
    ~EngineSet(); // the engines must have stopped

    std::size_t active() const noexcept { return active_.size(); }
    std::size_t alive() const noexcept { return active_.size() + leaving_.size(); }

    // Every engine alive, those that are leaving included.
    void forEach(const Introduce &tell);
    // Asks every engine alive and calls done on [control], never from within this call, when all
    // have acknowledged.
    void askAll(const Ask &ask, Done done);

    // Adds engines until `count` are active and introduces each to what there is. A throw puts the
    // number back (seed T1).
    void grow(std::size_t count, const Introduce &introduce);
    // Engines beyond the first `count` finish what they have and go. They must have let go of
    // their listeners before: see adoptAll.
    void shrink(std::size_t count);
    // The first `count` active engines adopt the snapshot, the others stop accepting and hand their
    // connections to the first. done on [control] when all have switched (seed S03).
    void adoptAll(const config::SnapshotPtr &snapshot, std::size_t count, Done done);
    // What each generation still has, oldest first, summed over the engines alive. done on
    // [control], never from within this call.
    void census(CensusDone done);
    // Cuts whatever still uses this generation or an older one.
    void expire(std::uint64_t generation);
    // Over all engines that ever were.
    EngineTotals totals() const noexcept;
    // Ends all engines, those that were leaving already included; done on [control]. Once.
    void stopAll(std::chrono::milliseconds deadline, Done done);

private:
    std::uint32_t freeNumber() const;
    void release(std::unique_ptr<EnginePort> engine, std::chrono::milliseconds deadline);
    void gone(const EnginePort *engine);
    Done countdown(std::size_t count, Done done);
    void acknowledged(std::uint64_t question);

    // Acknowledgements still to come. Kept here so that `done`, and all it holds, ends on
    // [control].
    struct Question {
        std::size_t left;
        Done done;
    };

    ControlLoop &loop_;
    Factory factory_;
    std::map<std::uint64_t, Question> questions_;
    std::uint64_t lastQuestion_ = 0;
    std::vector<std::unique_ptr<EnginePort>> active_;
    std::vector<std::unique_ptr<EnginePort>> leaving_;
    EngineTotals past_;                 // of engines that are gone
    Done whenEmpty_;                    // of stopAll
    std::shared_ptr<EngineSet *> self_; // acknowledgements may come after our end
};

} // namespace patchbay::control
