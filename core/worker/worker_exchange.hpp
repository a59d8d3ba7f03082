// [worker] One request while it is served: what serve() of a runtime sees as pb_exchange (house
// step 10). One object per request thread, used again for each request.
#pragma once

#include "ipc/layout.hpp"
#include "ipc/shared_segment.hpp"
#include "patchbay/abi.h"
#include "worker/reply_writer.hpp"

#include <cstdint>

namespace patchbay::worker {

class WorkerExchange {
public:
    WorkerExchange(const ipc::AppSegment &application, ReplyPort &port) noexcept;
    WorkerExchange(const WorkerExchange &) = delete;
    WorkerExchange &operator=(const WorkerExchange &) = delete;

    // Takes over the slot of a ticket just taken. Everything is copied out and checked: the segment
    // is shared with the application's other workers. false: nonsense; finish(false) has been done.
    bool begin(ipc::Ticket ticket) noexcept;
    const pb_exchange &face() const noexcept { return face_; }
    // serve() has returned. `complete`: it said PB_OK. Nothing more happens if finish() was called.
    void end(bool complete) noexcept;

private:
    enum class Stage { noHead, body, finished };

    static std::int64_t readBody(void *context, void *buffer, std::size_t size);
    static int head(void *context, std::uint32_t status, const pb_field *fields, std::size_t count,
                    pb_error *error);
    static int write(void *context, const void *data, std::size_t size);
    static int writeBuffered(void *context, const void *data, std::size_t size);
    static int cancelled(void *context);
    static int finish(void *context, int result);

    bool placeBody(std::uint32_t unit, std::uint32_t messageSize, std::uint32_t bodySize) noexcept;
    bool fetchWindow() noexcept;
    int takeHead(std::uint32_t status, const pb_field *fields, std::size_t count, pb_error *error);

    const ipc::AppSegment &application_;
    ReplyWriter writer_;
    pb_exchange face_{};
    Stage stage_ = Stage::noHead;
    ipc::RequestSlot *slot_ = nullptr;
    // Body: the part that can be read now, and how much is still with the router.
    const unsigned char *part_ = nullptr;
    std::size_t partSize_ = 0;
    std::uint64_t missing_ = 0;
    std::uint32_t inboxSeq_ = 0;
    bool bodyFailed_ = false; // for good: a body with a hole must not look complete
};

} // namespace patchbay::worker
