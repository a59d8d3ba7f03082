#include "router/app/workspace.hpp"

#include "base/error.hpp"

#include <sys/eventfd.h>
#include <sys/mman.h>

namespace patchbay::app {
namespace {

constexpr std::size_t kRecordsSize = ipc::kMaxSlots * sizeof(SlotRecord);

SlotRecord *makeRecords()
{
    // All-zero bytes are a free record: SlotRecord's members are zero by default. Pages of our own:
    // calloc() writes zeros over a block of this size as soon as the heap has a used one to offer.
    void *memory =
        ::mmap(nullptr, kRecordsSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw SystemError("mmap(" + std::to_string(kRecordsSize) + ")");
    }
    return static_cast<SlotRecord *>(memory);
}

} // namespace

Workspace::Workspace()
    : segment_(ipc::AppSegment::create()), queue_(segment_.layout()),
      memory_(memoryBits_, ipc::kRequestUnits), slotPool_(slotBits_, ipc::kMaxSlots),
      slots_(makeRecords())
{
    memory_.markAllFree();
    slotPool_.markAllFree();
}

void Workspace::Unmap::operator()(SlotRecord *records) const noexcept
{
    ::munmap(records, kRecordsSize);
}

std::optional<std::uint32_t> Workspace::takeSlot(std::uint32_t engine) noexcept
{
    // Engines start at different words of the bitmap, to keep out of each other's cache lines.
    std::optional<std::uint32_t> index = slotPool_.take(1, (engine * 8) % (ipc::kMaxSlots / 64));
    if (index) {
        slots_[*index].owner.store(engine + 1, std::memory_order_relaxed);
    }
    return index;
}

void Workspace::giveSlot(std::uint32_t index) noexcept
{
    SlotRecord &record = slots_[index];
    record.ticket = 0;
    record.exchange = nullptr;
    record.zombie = false;
    record.units = 0;
    record.inboxUnits = 0;
    record.consumed = 0;
    record.owner.store(0, std::memory_order_release);
    slotPool_.give(index, 1);
}

int Workspace::doorbell(std::uint32_t engine)
{
    UniqueFd &bell = doorbells_[engine];
    if (!bell) {
        bell.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
        if (!bell) {
            throw SystemError("eventfd()");
        }
    }
    return bell.get();
}

} // namespace patchbay::app
