// Where the requests of one application lie while it has them: the segment it shares with its
// workers, and the router's own record of what is taken there. Made on [control] when the first
// request or worker is to come (application.hpp: open), used by all engines; before it: AppLink
// keeps requests, after it: dispatch hands them over.
#pragma once

#include "base/unique_fd.hpp"
#include "ipc/request_queue.hpp"
#include "ipc/shared_segment.hpp"
#include "ipc/unit_pool.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

namespace patchbay::app {

class Exchange;

// What the router itself remembers of a slot, out of workers' reach.
struct SlotRecord {
    // Set in `owner` when that engine has stopped while a worker still had the request. An engine
    // of the same number, or the one that hears of the worker's death, becomes the owner.
    static constexpr std::uint32_t kOrphan = 1u << 31;

    std::atomic<std::uint32_t> owner{0}; // engine number + 1; 0 = free. Others only read this
    ipc::Ticket ticket = 0;              // the rest is the owner's alone
    Exchange *exchange = nullptr;
    bool zombie = false;                         // abandoned; waits for the worker to finish
    std::uint32_t unit = 0, units = 0;           // request memory
    std::uint32_t inboxUnit = 0, inboxUnits = 0; // body window
    std::uint64_t consumed = 0;                  // reply bytes given back
};

class Workspace {
public:
    Workspace(); // throws SystemError: no descriptor, no memory
    Workspace(const Workspace &) = delete;
    Workspace &operator=(const Workspace &) = delete;

    const ipc::AppSegment &segment() const noexcept { return segment_; }
    ipc::RequestProducer &queue() noexcept { return queue_; }
    const ipc::RequestProducer &queue() const noexcept { return queue_; }
    ipc::UnitPool &memory() noexcept { return memory_; }
    SlotRecord &slot(std::uint32_t index) noexcept { return slots_[index]; }
    std::optional<std::uint32_t> takeSlot(std::uint32_t engine) noexcept;      // [engine]
    void giveSlot(std::uint32_t index) noexcept;                               // [engine] the owner
    std::uint32_t freeSlots() const noexcept { return slotPool_.freeCount(); } // a snapshot

    // [control] The eventfd that this application's workers ring for engine `number`; made on first
    // use, before any engine or worker needs it. Throws SystemError.
    int doorbell(std::uint32_t engine);

private:
    struct Unmap {
        void operator()(SlotRecord *records) const noexcept;
    };
    template <std::uint32_t Units>
    using Bits = std::array<std::atomic<std::uint64_t>, Units / 64>;

    ipc::AppSegment segment_;
    ipc::RequestProducer queue_;
    Bits<ipc::kRequestUnits> memoryBits_{};
    ipc::UnitPool memory_;
    Bits<ipc::kMaxSlots> slotBits_{};
    ipc::UnitPool slotPool_;
    // Zeroed pages that cost nothing until used.
    std::unique_ptr<SlotRecord[], Unmap> slots_;
    std::array<UniqueFd, ipc::kMaxEngines> doorbells_;
};

} // namespace patchbay::app
