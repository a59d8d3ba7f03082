// [worker] The core's side of a runtime's loop() (sdk, pb_loop): many requests at a time on one
// request thread. Between intake.cpp (tickets) and worker_exchange.cpp (one request).
//
// How it sleeps. The thread sleeps in its runtime's own poll; what we add to that is wake_, an
// eventfd. Two wakers sleep on the futexes that the router wakes: that of our seat (a request is
// there) and that of the worker's segment (memory, window, body, cancel). Nobody spins:
//   - While there is work wake_ stays readable: each turn of the runtime's poll ends in next(), and
//     no waker is armed, so that the router need not wake anybody.
//   - The first turn without work only arms nothing and looks again; the second one empties wake_,
//     says at the seat that it sleeps, arms the wakers, and then looks a last time.
//   - What comes before that last look is found by it; what comes after changes a futex whose value
//     the waker was given before. So nothing is lost, and a ring too many costs one empty turn.
#pragma once

#include "base/unique_fd.hpp"
#include "ipc/shared_segment.hpp"
#include "patchbay/abi.h"
#include "worker/intake.hpp"
#include "worker/waker.hpp"
#include "worker/worker_exchange.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace patchbay::worker {

class RequestLoop {
public:
    // Requests a loop has at a time; an application has 4096 slots in all.
    static constexpr std::uint32_t kCapacity = 1024;

    // ready: called by the first next(). All must outlive the loop. Throws SystemError.
    RequestLoop(Intake &intake, const ipc::AppSegment &application, const ipc::WorkerSegment &own,
                ReplyPort &port, std::function<void()> ready);
    // What has not ended fails.
    ~RequestLoop();
    RequestLoop(const RequestLoop &) = delete;
    RequestLoop &operator=(const RequestLoop &) = delete;

    const pb_loop &face() const noexcept { return face_; }
    // [any thread of the process] The loop is to look: it may be time to stop.
    void ring() noexcept;
    void closeInChild() noexcept { wake_.reset(); } // in a process the application forked

private:
    // Who owns a request: in use_ from begin() until it is gone.
    struct Place {
        explicit Place(RequestLoop &loop)
            : exchange(loop.application_, loop.port_,
                       [&loop](const WorkerExchange &changed) { loop.heard(changed); })
        {
        }
        WorkerExchange exchange;
        bool news = false; // in news_
    };

    static void next(void *context, pb_loop_event *event);
    void find(pb_loop_event &event);
    bool findNews(pb_loop_event &event);
    bool findRequest(pb_loop_event &event);
    void lookAtWaiting();
    void heard(const WorkerExchange &changed);
    void sweep();
    bool sleep();
    void quietRing() noexcept;
    Place *newPlace();

    Intake &intake_;
    const ipc::AppSegment &application_;
    const ipc::WorkerSegment &own_;
    ReplyPort &port_;
    std::function<void()> ready_;
    pb_loop face_{};
    UniqueFd wake_;                 // eventfd
    std::atomic<bool> rung_{false}; // wake_ is readable, or was until a moment ago
    std::vector<std::unique_ptr<Place>> places_;
    std::vector<Place *> free_;
    std::vector<Place *> used_;
    std::vector<Place *> news_; // to be reported; some may have ended since
    std::uint32_t seenEvent_ = 0;
    std::uint32_t waitFrom_ = 0; // for the segment's waker
    bool lying_ = false;         // our seat says that it sleeps
    bool worked_ = false;        // something was reported since the last PB_LOOP_NOTHING
    bool stopTold_ = false;
    bool asleep_ = false;          // next() has nothing to say until wake_ is readable
    std::size_t finished_ = 0;     // in used_, to be swept
    Waker seatWaker_, eventWaker_; // last: their threads use the above
};

} // namespace patchbay::worker
