// The router's side of one application: its encoder, its counters, and from its first request on
// its workspace. Made on [control], shared by every generation that names it (seed S08, S15), used
// by all engines. No mutex: workers pull. Starting and stopping workers is the Spawner's business
// (control/spawner.hpp).
#pragma once

#include "base/shared_text.hpp"
#include "ipc/shared_segment.hpp"
#include "ipc/unit_pool.hpp"
#include "module/instance.hpp"
#include "router/app/limits.hpp"
#include "router/app/workspace.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace patchbay::app {

// One worker as the engines see it. Shared by control and engines; unmapped with the last
// reference.
struct WorkerView {
    std::uint32_t number = 0;
    std::uint32_t firstSeat = 0;
    std::uint32_t seats = 1;
    ipc::WorkerSegment segment;
    ipc::UnitPool pool; // over segment's bitmap
};

// How engines speak to [control] of an application. Called on their threads.
struct Overseer {
    std::function<void()> wanted; // more workers, perhaps
    // It has been silent over a request for too long.
    std::function<void(const std::shared_ptr<WorkerView> &)> hangs;
};

class Application {
public:
    Application(std::string name, SharedText key, std::shared_ptr<modules::EncoderInstance> encoder,
                const Limits &limits = {});
    ~Application(); // [control] asserts that no exchange is alive
    Application(const Application &) = delete;
    Application &operator=(const Application &) = delete;

    const std::string &name() const noexcept { return name_; }
    const SharedText &key() const noexcept { return key_; } // name + canonical JSON
    const modules::EncoderInstance &encoder() const noexcept { return *encoder_; }
    const Limits &limits() const noexcept { return limits_; }

    void setOverseer(Overseer overseer) { overseer_ = std::move(overseer); } // before it is shared
    // [engine] Fewer seats are idle than there should be. At most one message is under way.
    void askForWorkers();
    // [control] Before it looks how many there should be: who asks from now on is heard.
    void hearAgain() noexcept { asked_.store(false); }
    void tellHanging(const std::shared_ptr<WorkerView> &worker) const; // [engine]

    // [control] Makes the workspace, if there is none yet: an application that nobody calls needs
    // neither memory nor descriptors. It stays for the application's life. Throws SystemError.
    Workspace &open();
    // [control] Null before; engines hear of it by AppLink::open().
    Workspace *workspace() const noexcept { return workspace_.get(); }

    // Set by the Spawner on [control], read by engines to decide "503 at once" (seed S43).
    std::atomic<std::uint32_t> running{0}; // workers that are ready
    // Being started, or to be started as soon as a request waits; 0 while a back-off delay passes.
    std::atomic<std::uint32_t> starting{0};
    // More could be started than there are: engines ask for them.
    std::atomic<bool> mayGrow{false};
    // Set by an engine after a complete answer; the Spawner's back-off starts over (seed S51).
    std::atomic<bool> answered{false};
    // Exchanges alive on any engine, zombie slots included, and Bindings: [control] may destroy at
    // 0 only. Engines add to these once per loop turn, so they lag a little; inFlight is never 0
    // while an engine has something alive.
    std::atomic<std::uint64_t> inFlight{0};
    std::atomic<std::uint64_t> bindings{0}; // how many of them are Bindings
    // Ever; they never go back. After `requests` those without a complete answer, by cause.
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> refusedFull{0}; // 503: the queue was full
    std::atomic<std::uint64_t> refusedLate{0}; // 503: its time in the queue was over
    std::atomic<std::uint64_t> unavailable{0}; // 503: nobody served and nobody was about to
    std::atomic<std::uint64_t> unsendable{0};  // 500: not to be encoded, or its body not readable
    std::atomic<std::uint64_t> workerDied{0};  // 503, or cut: the worker that had it ended
    std::atomic<std::uint64_t> timedOut{0};    // 503, or cut: the application was silent too long
    std::atomic<std::uint64_t> badReply{0};    // 503, or cut: the application gave up or sent trash
    std::atomic<std::uint64_t> clientGone{0};  // nobody waited any more: client gone, or cut by us
    // Requests whose taking by a worker was heard of, and the time they had waited for it.
    std::atomic<std::uint64_t> taken{0};
    std::atomic<std::uint64_t> waitMicroseconds{0};

private:
    std::string name_;
    SharedText key_;
    std::shared_ptr<modules::EncoderInstance> encoder_;
    Limits limits_;
    Overseer overseer_;
    std::atomic<bool> asked_{false}; // [control] will look
    std::unique_ptr<Workspace> workspace_;
};

} // namespace patchbay::app
