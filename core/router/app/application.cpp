#include "router/app/application.hpp"

#include "base/error.hpp"

#include <sys/eventfd.h>
#include <sys/mman.h>

#include <cassert>
#include <new>

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
        throw std::bad_alloc();
    }
    return static_cast<SlotRecord *>(memory);
}

} // namespace

Application::Application(std::string name, std::string key,
                         std::shared_ptr<modules::EncoderInstance> encoder, const Limits &limits)
    : name_(std::move(name)), key_(std::move(key)), encoder_(std::move(encoder)), limits_(limits),
      segment_(ipc::AppSegment::create()), queue_(segment_.layout()),
      memoryBits_(ipc::kRequestUnits / 64), memory_(memoryBits_, ipc::kRequestUnits),
      slotBits_(ipc::kMaxSlots / 64), slotPool_(slotBits_, ipc::kMaxSlots), slots_(makeRecords())
{
    memory_.markAllFree();
    slotPool_.markAllFree();
}

void Application::Unmap::operator()(SlotRecord *records) const noexcept
{
    ::munmap(records, kRecordsSize);
}

Application::~Application()
{
#ifndef NDEBUG
    // Orphans of stopped engines may be left when the router goes down; live exchanges may not.
    if (inFlight.load() != 0) {
        for (std::uint32_t i = 0; i < ipc::kMaxSlots; i++) {
            assert(slots_[i].owner.load() == 0 || slots_[i].exchange == nullptr);
        }
    }
#endif
}

void Application::askForWorkers()
{
    if (!asked_.load() && !asked_.exchange(true) && overseer_.wanted) {
        overseer_.wanted();
    }
}

void Application::tellHanging(const std::shared_ptr<WorkerView> &worker) const
{
    if (overseer_.hangs) {
        overseer_.hangs(worker);
    }
}

std::optional<std::uint32_t> Application::takeSlot(std::uint32_t engine) noexcept
{
    // Engines start at different words of the bitmap, to keep out of each other's cache lines.
    std::optional<std::uint32_t> index = slotPool_.take(1, (engine * 8) % (ipc::kMaxSlots / 64));
    if (index) {
        slots_[*index].owner.store(engine + 1, std::memory_order_relaxed);
    }
    return index;
}

void Application::giveSlot(std::uint32_t index) noexcept
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

int Application::doorbell(std::uint32_t engine)
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
