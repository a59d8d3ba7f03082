// [worker] Bytes of one response on their way to the engine that asked: packs them into runs of
// this worker's reply memory and pushes them on that engine's reply ring (house steps 10, 11).
// One per request thread; waits (for memory, the window, ring space) end when the request does.
#pragma once

#include "ipc/layout.hpp"
#include "ipc/shared_segment.hpp"
#include "worker/reply_port.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace patchbay::worker {

class ReplyWriter {
public:
    explicit ReplyWriter(ReplyPort &port) noexcept : port_(port) {}

    // A new exchange, just taken. Its slot is ours until finish().
    void begin(ipc::Ticket ticket, std::uint32_t engine, ipc::RequestSlot &slot) noexcept;

    // Head bytes, kept back in private memory until body or end follow, so that a small response is
    // one run and one entry. The caller fills the result, `size` bytes.
    unsigned char *stage(std::size_t size);

    // Copies body bytes; false: the request is cancelled or the router is gone.
    bool append(const void *data, std::size_t size) noexcept;
    // Pushes what is there, without waiting for more.
    bool flush() noexcept;
    // Asks for the next window of the request body.
    bool wantBody() noexcept;
    // The last entry. `complete` false: the application failed; bytes go out only if others already
    // did, so that the router can still answer 503.
    void finish(bool complete) noexcept;

    // Sleeps until ready() holds; false: the request is cancelled or the router is gone.
    template <typename Ready>
    bool waitUntil(Ready ready) noexcept
    {
        return port_.waitUntil(ready, [this] { return cancelled(); });
    }
    bool cancelled() const noexcept;

private:
    bool takeRun(std::size_t wanted) noexcept;
    bool copy(const unsigned char *data, std::size_t size, std::size_t following) noexcept;
    bool pushRun(std::uint32_t flags) noexcept;
    void dropRun() noexcept;
    std::uint32_t windowUnits() const noexcept;

    ReplyPort &port_;
    ipc::Ticket ticket_ = 0;
    std::uint64_t takenAt_ = 0; // goes along with every entry
    std::uint32_t engine_ = 0;
    ipc::RequestSlot *slot_ = nullptr;
    std::vector<unsigned char> staged_;
    // The run being filled; runUnits_ 0: none.
    unsigned char *run_ = nullptr;
    std::uint32_t runUnit_ = 0, runUnits_ = 0, runUsed_ = 0;
    std::uint32_t lastUnits_ = 0; // of the exchange's previous run: the next one is larger
    std::uint64_t sent_ = 0;      // bytes in whole units, the run being filled not counted
    bool pushed_ = false;         // something of this response is out
};

} // namespace patchbay::worker
