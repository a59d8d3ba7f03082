// [worker] One request while it is served: what serve() and loop() of a runtime see as pb_exchange
// (house step 10). One object per request thread, or as many as a loop has requests at a time; used
// again for other requests.
#pragma once

#include "ipc/layout.hpp"
#include "ipc/shared_segment.hpp"
#include "patchbay/abi.h"
#include "worker/reply_writer.hpp"

#include <cstdint>
#include <functional>

namespace patchbay::worker {

class WorkerExchange {
public:
    WorkerExchange(const ipc::AppSegment &application, ReplyPort &port) noexcept;
    // One of a loop, as pb_loop has it: it never waits. changed: called on the same thread when it
    // begins to wait for something, and when it has ended.
    WorkerExchange(const ipc::AppSegment &application, ReplyPort &port,
                   std::function<void(const WorkerExchange &)> changed);
    WorkerExchange(const WorkerExchange &) = delete;
    WorkerExchange &operator=(const WorkerExchange &) = delete;

    // Takes over the slot of a ticket just taken. Everything is copied out and checked: the segment
    // is shared with the application's other workers. false: nonsense; finish(false) has been done.
    bool begin(ipc::Ticket ticket) noexcept;
    pb_exchange &face() noexcept { return face_; }
    // serve() has returned. `complete`: it said PB_OK. Nothing more happens if finish() was called.
    void end(bool complete) noexcept;

    // Of a loop. Is there something to wait for: has the runtime been told that there is nothing
    // yet, or has the writer kept something back?
    bool waits() const noexcept { return told_ != 0 || kept_; }
    // Goes on with what was kept. true: the runtime wants to hear of what has come.
    bool progress() noexcept;
    bool finished() const noexcept { return stage_ == Stage::finished; }
    // After finish() or end(): nothing is kept any more, the slot is the router's.
    bool gone() const noexcept { return stage_ == Stage::finished && !kept_; }

private:
    using Waits = ReplyWriter::Waits;
    enum class Stage { noHead, body, finished };
    // What the runtime was told last, and waits for.
    enum Told : unsigned { kNoBody = 1, kNoRoom = 2, kNotCancelled = 4 };

    static std::int64_t readBody(void *context, void *buffer, std::size_t size);
    static int head(void *context, std::uint32_t status, const pb_field *fields, std::size_t count,
                    pb_error *error);
    static int write(void *context, const void *data, std::size_t size);
    static int writeBuffered(void *context, const void *data, std::size_t size);
    static int cancelled(void *context);
    static int finish(void *context, int result);
    static std::size_t room(void *context);

    bool placeBody(std::uint32_t unit, std::uint32_t messageSize, std::uint32_t bodySize) noexcept;
    std::int64_t fetchWindow() noexcept;
    bool takeWindow(std::uint32_t seq) noexcept;
    void finish(bool complete) noexcept;
    void init() noexcept;
    void tell(unsigned told);
    void keep();
    int takeHead(std::uint32_t status, const pb_field *fields, std::size_t count, pb_error *error);

    const ipc::AppSegment &application_;
    const Waits waits_;
    ReplyWriter writer_;
    pb_exchange face_{};
    Stage stage_ = Stage::finished;
    ipc::RequestSlot *slot_ = nullptr;
    // Body: the part that can be read now, and how much is still with the router.
    const unsigned char *part_ = nullptr;
    std::size_t partSize_ = 0;
    std::uint64_t missing_ = 0;
    std::uint32_t inboxSeq_ = 0;
    bool asked_ = false; // for a window, in a loop
    std::function<void(const WorkerExchange &)> changed_;
    unsigned told_ = 0;       // bits of Told
    bool kept_ = false;       // the writer has something for pump()
    bool bodyFailed_ = false; // for good: a body with a hole must not look complete
};

} // namespace patchbay::worker
