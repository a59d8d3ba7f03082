// One engine: a thread, its event loop, its acceptors and connections. What [control] may ask of
// it. Everything but start/post/stop happens on the engine's own thread.
#pragma once

#include "router/app/application.hpp"
#include "router/config/config_snapshot.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace patchbay::client {

// Counters of one engine, readable from any thread. accepted, closed and requests never go back.
struct EngineCounters {
    std::atomic<std::uint64_t> accepted{0}, closed{0};
    std::atomic<std::uint64_t> active{0};   // connections with a request in progress
    std::atomic<std::uint64_t> idle{0};     // other connections
    std::atomic<std::uint64_t> requests{0}; // read, from the first byte to the end of the header
    std::atomic<std::uint64_t> moved{0};    // connections from other engines, less those to others
};

class EngineThread {
public:
    // Each `done` runs on the engine's thread, or in the destructor when the engine had ended
    // before; the caller posts it on to its own Mailbox.
    using Done = std::function<void()>;
    using CensusDone = std::function<void(std::vector<config::GenerationUse>)>;

    explicit EngineThread(std::uint32_t number); // starts the thread; throws on failure
    ~EngineThread();                             // [control] joins; stop() must have been called

    std::uint32_t number() const noexcept;
    const EngineCounters &counters() const noexcept;

    // [control] Switches every listener to the snapshot (seed S32): known sockets rebind, new ones
    // open, missing ones drain their accept queue and close. Idle keep-alive connections move at
    // once (S06). Busy ones keep their Binding until their response is out.
    void adopt(config::SnapshotPtr snapshot, Done done);
    // [control] In place of adopt() when stop() will follow: lets go of all listeners. Connections
    // go to `heir` as soon as they are idle, so no client finds its connection closed (I7). The
    // heir has been told to adopt before, and is stopped later.
    void retire(EngineThread &heir, Done done);
    // [control] Before the worker's first request: its rings are known to this engine.
    void workerAttached(std::shared_ptr<app::Application> application,
                        std::shared_ptr<app::WorkerView> worker);
    // [control] The worker is dead: drain what it had answered, fail what it had taken, forget it.
    void workerGone(std::shared_ptr<app::Application> application,
                    std::shared_ptr<app::WorkerView> worker, Done done);
    // [control] No worker runs and none is starting: every waiting request gets 503 (seed S43).
    void applicationDown(std::shared_ptr<app::Application> application);
    // [control] Before the first worker is attached: makes the application's workspace, if it is
    // the first, and registers the doorbell of this engine. Throws SystemError.
    void applicationOpened(std::shared_ptr<app::Application> application);
    // [control] No snapshot names it any more and inFlight is 0: forget it.
    void applicationRemoved(std::shared_ptr<app::Application> application, Done done);
    // [control] What each generation still has here; looks at every connection.
    void census(CensusDone done);
    // [control] Closes every connection that uses this generation or an older one, whatever it is
    // doing; its request is abandoned. The snapshots end when all engines have done so.
    void expire(std::uint64_t generation);
    // [control] Closes all listeners, finishes what is in flight until the deadline (zero: cut
    // everything now), closes idle connections at once, then calls done and ends the thread.
    void stop(std::chrono::milliseconds deadline, Done done);

private:
    class Impl;
    std::shared_ptr<Impl> impl_; // shared with engines whose heir it is
};

} // namespace patchbay::client
