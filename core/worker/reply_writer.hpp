// [worker] Bytes of one response on their way to the engine that asked: packs them into runs of
// this worker's reply memory and pushes them on that engine's reply ring (house steps 10, 11).
// One per request; waits (for memory, the window, ring space) end when the request does.
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
    // What it does when it would have to wait for the client, for memory or for the router: sleep,
    // or keep the bytes and go on with them in pump().
    enum class Waits { here, never };

    ReplyWriter(ReplyPort &port, Waits waits) noexcept : port_(port), waits_(waits) {}

    // A new exchange, just taken. Its slot is ours until finish().
    void begin(ipc::Ticket ticket, std::uint32_t engine, ipc::RequestSlot &slot) noexcept;

    // Head bytes, kept back in private memory until body or end follow, so that a small response is
    // one run and one entry. The caller fills the result, `size` bytes.
    unsigned char *stage(std::size_t size);

    // Copies body bytes; false: the request is cancelled or the router is gone.
    bool append(const void *data, std::size_t size);
    // Pushes what is there, without waiting for more.
    bool flush();
    // Asks for the next window of the request body.
    bool wantBody() noexcept;
    // The last entry. `complete` false: the application failed; bytes go out only if others already
    // did, so that the router can still answer 503.
    void finish(bool complete);

    // Of one that never waits: bytes that may be appended now, so many that what finds no reply
    // memory at the moment can be kept.
    std::size_t room() const noexcept;
    // Goes on with what is kept. true: nothing is; after finish(): all is out.
    bool pump() noexcept;

    // Sleeps until ready() holds; false: the request is cancelled or the router is gone.
    template <typename Ready>
    bool waitUntil(Ready ready) noexcept
    {
        return port_.waitUntil(ready, [this] { return cancelled(); });
    }
    bool cancelled() const noexcept;
    // The client has ended its side: it may have left, or still read.
    bool peerDone() const noexcept;

private:
    bool takeRun(std::size_t wanted) noexcept;
    std::size_t copy(const unsigned char *data, std::size_t size, std::size_t following) noexcept;
    bool copyStaged(std::size_t following) noexcept;
    void keep(const unsigned char *data, std::size_t size);
    bool pushRun(std::uint32_t flags) noexcept;
    bool pushLast() noexcept;
    bool push(const ipc::ReplyEntry &entry, bool evenIfCancelled) noexcept;
    void dropRun() noexcept;
    void giveUp() noexcept;
    std::uint32_t windowUnits() const noexcept;

    ReplyPort &port_;
    const Waits waits_;
    ipc::Ticket ticket_ = 0;
    std::uint64_t takenAt_ = 0; // goes along with every entry
    std::uint32_t engine_ = 0;
    ipc::RequestSlot *slot_ = nullptr;
    std::vector<unsigned char> staged_;
    std::size_t stagedAt_ = 0; // so many of them are in runs already
    // Of one that never waits: what pump() is to do.
    bool kept_ = false;       // go on with staged_, or with a run that could not be pushed
    bool bodyWanted_ = false; // ask for a window
    bool finishing_ = false;
    bool complete_ = false; // of finish()
    // The run being filled; runUnits_ 0: none.
    unsigned char *run_ = nullptr;
    std::uint32_t runUnit_ = 0, runUnits_ = 0, runUsed_ = 0;
    std::uint32_t lastUnits_ = 0; // of the exchange's previous run: the next one is larger
    std::uint64_t sent_ = 0;      // bytes in whole units, the run being filled not counted
    bool pushed_ = false;         // something of this response is out
};

} // namespace patchbay::worker
