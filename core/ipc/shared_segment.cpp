// [any] See the header. The router creates, [control] passes the descriptor to the worker, the
// worker opens.
#include "ipc/shared_segment.hpp"

#include "base/error.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

namespace patchbay::ipc {
namespace {

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;
constexpr std::uint32_t kMaxUnits = 2048 * 64;

unsigned char *mapShared(int fd, std::size_t size)
{
    void *data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (data == MAP_FAILED) {
        throw SystemError("mmap(" + std::to_string(size) + ")");
    }
    return static_cast<unsigned char *>(data);
}

template <typename Layout>
Layout &layoutOf(const SharedSegment &segment) noexcept
{
    return *reinterpret_cast<Layout *>(segment.data()); // page aligned, zeroed by the kernel
}

template <typename Layout>
void writePrefix(const SharedSegment &segment) noexcept
{
    layoutOf<Layout>(segment).magic = kMagic;
    layoutOf<Layout>(segment).size = sizeof(Layout);
}

template <typename Layout>
void checkPrefix(const SharedSegment &segment)
{
    const Layout &layout = layoutOf<Layout>(segment);
    if (layout.magic != kMagic || layout.size != sizeof(Layout)) {
        throw Error("shared segment has another layout than this program");
    }
}

constexpr std::size_t workerMemoryOffset()
{
    return (sizeof(WorkerSegmentLayout) + kUnit - 1) / kUnit * kUnit;
}

bool inside(std::uint32_t unit, std::uint32_t units, std::uint32_t limit) noexcept
{
    return units <= limit && unit <= limit - units;
}

} // namespace

SharedSegment::SharedSegment(UniqueFd fd, unsigned char *data, std::size_t size) noexcept
    : fd_(std::move(fd)), data_(data), size_(size)
{
}

SharedSegment::SharedSegment(SharedSegment &&other) noexcept
    : fd_(std::move(other.fd_)), data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0))
{
}

SharedSegment &SharedSegment::operator=(SharedSegment &&other) noexcept
{
    // What was here is unmapped by other's destructor.
    std::swap(fd_, other.fd_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

SharedSegment::~SharedSegment()
{
    if (data_ != nullptr) {
        munmap(data_, size_);
    }
}

SharedSegment SharedSegment::create(const char *name, std::size_t size)
{
    UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) {
        throw SystemError("memfd_create(" + std::string(name) + ")");
    }
    if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
        throw SystemError("ftruncate(" + std::to_string(size) + ")");
    }
    if (fcntl(fd.get(), F_ADD_SEALS, kSizeSeals | F_SEAL_SEAL) != 0) {
        throw SystemError("fcntl(F_ADD_SEALS)");
    }
    unsigned char *data = mapShared(fd.get(), size);
    return {std::move(fd), data, size};
}

SharedSegment SharedSegment::open(UniqueFd fd, std::size_t minimumSize)
{
    struct stat status = {};
    if (fstat(fd.get(), &status) != 0) {
        throw SystemError("fstat(shared segment)");
    }
    auto size = static_cast<std::size_t>(status.st_size);
    if (!S_ISREG(status.st_mode) || size < minimumSize) {
        throw Error("shared segment is too small: " + std::to_string(size) + " bytes instead of " +
                    std::to_string(minimumSize));
    }
    int seals = fcntl(fd.get(), F_GET_SEALS);
    if (seals < 0 || (seals & kSizeSeals) != kSizeSeals) {
        throw Error("shared segment is not sealed");
    }
    unsigned char *data = mapShared(fd.get(), size);
    // Processes that the application forks must not hold or touch it: no mapping, no descriptor.
    SharedSegment segment(UniqueFd(), data, size);
    if (madvise(segment.data_, size, MADV_DONTFORK) != 0) {
        throw SystemError("madvise(MADV_DONTFORK)");
    }
    return segment;
}

AppSegment AppSegment::create()
{
    using Layout = AppSegmentLayout;
    AppSegment segment(SharedSegment::create("patchbay-app", sizeof(Layout)));
    writePrefix<Layout>(segment.segment_);
    segment.layout().map = {offsetof(Layout, head),
                            offsetof(Layout, idle),
                            offsetof(Layout, doors),
                            sizeof(EngineDoor),
                            offsetof(Layout, seats),
                            sizeof(Seat),
                            offsetof(Layout, ring),
                            kRequestRing,
                            offsetof(Layout, slots),
                            sizeof(RequestSlot),
                            kMaxSlots,
                            offsetof(Layout, memory),
                            kUnit,
                            kRequestUnits};
    segment.layout().head.store(1); // the first position
    return segment;
}

AppSegment AppSegment::open(UniqueFd fd)
{
    AppSegment segment(SharedSegment::open(std::move(fd), sizeof(AppSegmentLayout)));
    checkPrefix<AppSegmentLayout>(segment.segment_);
    return segment;
}

AppSegmentLayout &AppSegment::layout() const noexcept
{
    return layoutOf<AppSegmentLayout>(segment_);
}

unsigned char *AppSegment::memory(std::uint32_t unit, std::uint32_t units) const noexcept
{
    if (!inside(unit, units, kRequestUnits)) {
        return nullptr;
    }
    return layout().memory + std::size_t{unit} * kUnit;
}

WorkerSegment WorkerSegment::create(std::uint32_t units)
{
    if (units == 0 || units > kMaxUnits) {
        throw Error("worker segment of " + std::to_string(units) + " units; possible are 1 to " +
                    std::to_string(kMaxUnits));
    }
    std::size_t size = workerMemoryOffset() + std::size_t{units} * kUnit;
    WorkerSegment segment(SharedSegment::create("patchbay-worker", size), units);
    writePrefix<WorkerSegmentLayout>(segment.segment_);
    using Layout = WorkerSegmentLayout;
    segment.layout().units = units;
    segment.layout().map = {offsetof(Layout, event),
                            offsetof(Layout, waiting),
                            offsetof(Layout, rings),
                            sizeof(ReplyRing),
                            offsetof(ReplyRing, entries),
                            sizeof(ReplyEntry),
                            kReplyRing,
                            offsetof(Layout, freeUnits),
                            static_cast<std::uint32_t>(workerMemoryOffset()),
                            kUnit};
    segment.pool().markAllFree();
    return segment;
}

WorkerSegment WorkerSegment::open(UniqueFd fd)
{
    SharedSegment shared = SharedSegment::open(std::move(fd), workerMemoryOffset());
    checkPrefix<WorkerSegmentLayout>(shared);
    std::uint32_t units = layoutOf<WorkerSegmentLayout>(shared).units;
    if (units == 0 || units > kMaxUnits ||
        workerMemoryOffset() + std::size_t{units} * kUnit > shared.size()) {
        throw Error("worker segment is too small for its " + std::to_string(units) + " units");
    }
    return {std::move(shared), units};
}

WorkerSegmentLayout &WorkerSegment::layout() const noexcept
{
    return layoutOf<WorkerSegmentLayout>(segment_);
}

UnitPool WorkerSegment::pool() const noexcept
{
    return {layout().freeUnits, units_};
}

unsigned char *WorkerSegment::memory(std::uint32_t unit, std::uint32_t units) const noexcept
{
    if (!inside(unit, units, units_)) {
        return nullptr;
    }
    return segment_.data() + workerMemoryOffset() + std::size_t{unit} * kUnit;
}

} // namespace patchbay::ipc
