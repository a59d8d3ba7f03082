// [any] A piece of shared memory: a memfd of fixed size, sealed against shrinking and growing, so
// that no process can make another one's access fault.
#pragma once

#include "base/unique_fd.hpp"
#include "ipc/layout.hpp"
#include "ipc/unit_pool.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace patchbay::ipc {

class SharedSegment {
public:
    // Router: makes a zeroed segment. Throws SystemError.
    static SharedSegment create(const char *name, std::size_t size);
    // Worker: maps what it was given and closes it; the mapping is not inherited by fork
    // (MADV_DONTFORK).
    // Throws Error when the size or the seals are not as expected.
    static SharedSegment open(UniqueFd fd, std::size_t minimumSize);

    SharedSegment(SharedSegment &&) noexcept;
    SharedSegment &operator=(SharedSegment &&) noexcept;
    ~SharedSegment();

    unsigned char *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    int fd() const noexcept { return fd_.get(); }
    // The descriptor is not needed once mapped and passed on.
    void closeFd() noexcept { fd_.reset(); }

private:
    SharedSegment(UniqueFd fd, unsigned char *data, std::size_t size) noexcept;

    UniqueFd fd_;
    unsigned char *data_ = nullptr;
    std::size_t size_ = 0;
};

// The two kinds, with their layout in place.
class AppSegment {
public:
    static AppSegment create();          // router
    static AppSegment open(UniqueFd fd); // worker; checks magic and size
    AppSegmentLayout &layout() const noexcept;
    // Request memory from `unit` on, or nullptr if [unit, unit + units) is outside.
    unsigned char *memory(std::uint32_t unit, std::uint32_t units) const noexcept;
    const SharedSegment &segment() const noexcept { return segment_; }

private:
    explicit AppSegment(SharedSegment segment) : segment_(std::move(segment)) {}
    SharedSegment segment_;
};

class WorkerSegment {
public:
    // Router; 1 <= units <= 2048 * 64, all of them free. Throws Error.
    static WorkerSegment create(std::uint32_t units);
    static WorkerSegment open(UniqueFd fd); // worker; checks magic and sizes
    // The bitmap of this segment. The result refers to the mapping, not to this object.
    UnitPool pool() const noexcept;
    WorkerSegmentLayout &layout() const noexcept;
    unsigned char *memory(std::uint32_t unit, std::uint32_t units) const noexcept;
    std::uint32_t units() const noexcept { return units_; } // private copy, not the shared one
    const SharedSegment &segment() const noexcept { return segment_; }

private:
    WorkerSegment(SharedSegment segment, std::uint32_t units)
        : segment_(std::move(segment)), units_(units)
    {
    }
    SharedSegment segment_;
    std::uint32_t units_;
};

} // namespace patchbay::ipc
