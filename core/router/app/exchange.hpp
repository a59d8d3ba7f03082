// One request and its answer, as the application's side of an engine sees it. Process router,
// [engine]: it belongs to one engine and no other thread touches it (seed S10). Before it:
// client/connection_read, which has the whole request. After it: dispatch hands it over, collect
// brings the answer, which goes up to the asker through ReplySink.
#pragma once

#include "ipc/layout.hpp"
#include "router/engine/intrusive_list.hpp"
#include "router/engine/timer_wheel.hpp"
#include "router/http/reply_parser.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace patchbay::app {

class AppLink;
class Exchange;
struct WorkerLink;
enum class Sent : std::uint8_t;
Sent send(AppLink &link, Exchange &exchange) noexcept;
bool fillInbox(AppLink &link, Exchange &exchange) noexcept;

// Reply bytes an engine still needs, in a worker's memory. Given back, and the worker told, when
// it is destroyed; pins the mapping until then.
class ReplyRun {
public:
    static constexpr ipc::Ticket kNoTicket = ~ipc::Ticket{0}; // of no request that we know

    ReplyRun() noexcept = default;
    ReplyRun(WorkerLink &worker, ipc::Ticket ticket, std::uint32_t unit,
             std::uint32_t units) noexcept;
    ReplyRun(ReplyRun &&other) noexcept
        : worker_(std::exchange(other.worker_, nullptr)), ticket_(other.ticket_),
          unit_(other.unit_), units_(other.units_), counted_(other.counted_)
    {
    }
    ReplyRun &operator=(ReplyRun &&other) noexcept
    {
        std::swap(worker_, other.worker_);
        std::swap(ticket_, other.ticket_);
        std::swap(unit_, other.unit_);
        std::swap(units_, other.units_);
        std::swap(counted_, other.counted_);
        return *this;
    }
    ReplyRun(const ReplyRun &) = delete;
    ReplyRun &operator=(const ReplyRun &) = delete;
    ~ReplyRun() { release(); }

    void release() noexcept;
    // From here on it counts against its exchange's bound; returns by how many units.
    std::uint32_t count() noexcept
    {
        counted_ = worker_ != nullptr;
        return counted_ ? units_ : 0;
    }

private:
    WorkerLink *worker_ = nullptr; // null: nothing to give back
    ipc::Ticket ticket_ = 0;
    std::uint32_t unit_ = 0, units_ = 0;
    bool counted_ = false;
};

// Why there is no answer. retryAfter: seconds, 0 = say nothing.
struct Failure {
    unsigned status;
    unsigned retryAfter;
};
inline constexpr Failure kUnavailable{503, 0}; // no worker, or the application failed
inline constexpr Failure kOverloaded{503, 1};  // the queue is full or its time is over
inline constexpr Failure kInternal{500, 0};

// Why a request got no complete answer: what the application's counters tell apart.
enum class Cause : std::uint8_t {
    queueFull,
    queueTime,
    unavailable, // no worker runs and none is starting
    unsendable,  // the request cannot be encoded or its body not be read
    workerDied,
    answerTime, // the application was silent for too long
    badReply    // the application gave up, or its answer is unusable
};

// The one way up: what an exchange tells whoever asked (client/connection). After onEnd() or
// onFailure() the exchange is over and may be started again from within.
class ReplySink {
public:
    // The head, safe to send; views into the arena given to start().
    virtual void onHead(const http::Response &response) = 0;
    // Body bytes; valid until the run is released.
    virtual void onBody(std::string_view bytes, ReplyRun run) = 0;
    // All that has arrived so far has been told; more will come.
    virtual void onPause() = 0;
    // The answer is complete.
    virtual void onEnd() = 0;
    // There will be no (more) answer.
    virtual void onFailure(Failure failure) = 0;

protected:
    ~ReplySink() = default;
};

// The request body, until the worker has it. Borrowed: it stays the asker's.
struct BodySource {
    const char *memory = nullptr; // when fd is -1
    int fd = -1;                  // a spool file, read from offset 0
    std::uint64_t size = 0;
};

struct WaitingTag;
struct PausedTag;

class Exchange final : public engine::ListNode<WaitingTag>, // the link's queue, or its inbox queue
                       public engine::ListNode<PausedTag> {
public:
    Exchange() = default;
    ~Exchange() { abandon(); }

    // request, body and arena stay the caller's and must live until the exchange is over. A value:
    // it could not be started, answer that. No call back happens from here.
    std::optional<Failure> start(AppLink &link, const pb_request &request, BodySource body,
                                 Arena &arena, ReplySink &sink) noexcept;
    // Nobody waits for the answer any more: undoes everything, in any state (seed S11). The sink
    // hears nothing more.
    void abandon() noexcept;

    bool isActive() const noexcept { return state_ != State::idle; }
    // The body given to start() is not needed any more.
    bool hasHandedBody() const noexcept
    {
        return state_ == State::handed && bodyOffset_ == body_.size;
    }
    // A worker has it. False while it waits, in our queue or in the ring (trap I9).
    bool isTaken() const noexcept;
    // The asker's client will send nothing more, and may have left: whom a worker's library lets
    // know of that (Go), it is told.
    void peerDone() noexcept;

private:
    friend class AppLink;
    friend class ReplyRun;
    friend Sent send(AppLink &link, Exchange &exchange) noexcept;
    friend bool fillInbox(AppLink &link, Exchange &exchange) noexcept;
    friend class Collector;

    enum class State : std::uint8_t {
        idle,
        waiting, // in the engine's own queue: no slot, memory or ring place yet
        handed   // has a slot; queued in the ring or taken by a worker
    };

    State state_ = State::idle;
    bool headDone_ = false;
    std::uint32_t slot_ = 0;        // when handed
    std::uint32_t outstanding_ = 0; // units of reply memory the asker has not released
    ipc::Ticket ticket_ = 0;        // when handed
    AppLink *link_ = nullptr;
    WorkerLink *worker_ = nullptr; // who answers; known from its first entry
    ReplySink *sink_ = nullptr;
    const pb_request *request_ = nullptr;
    BodySource body_;
    std::uint64_t bodyOffset_ = 0; // of body_ already handed over
    engine::TimePoint since_;      // when it was started
    engine::TimePoint heard_;      // last sign of the application; zero: nobody is known to have it
    http::ReplyParser parser_;
};

} // namespace patchbay::app
