// Router and prototype: the two directions beside each other.
#include "ipc/isolation.hpp"

#include "base/error.hpp"

namespace patchbay::ipc {
namespace {

constexpr std::uint32_t kMostRanges = 340; // the kernel's limit (user_namespaces(7))

// Bits of the first number, in this order for ever.
constexpr bool Isolation::*kFlags[] = {
    &Isolation::credential, &Isolation::pid,          &Isolation::network,      &Isolation::mount,
    &Isolation::uname,      &Isolation::cgroup,       &Isolation::languageDeps, &Isolation::tmpfs,
    &Isolation::procfs,     &Isolation::newPrivileges};

void writeRanges(WireWriter &out, const std::vector<IdRange> &ranges)
{
    out.u32(static_cast<std::uint32_t>(ranges.size()));
    for (const IdRange &range : ranges) {
        out.u32(range.container).u32(range.host).u32(range.size);
    }
}

std::vector<IdRange> readRanges(WireReader &reader)
{
    const std::uint32_t count = reader.u32();
    if (count > kMostRanges) {
        throw Error("A map of user or group ids has " + std::to_string(count) +
                    " entries; the kernel takes " + std::to_string(kMostRanges) + ".");
    }
    std::vector<IdRange> ranges(count);
    for (IdRange &range : ranges) {
        range.container = reader.u32();
        range.host = reader.u32();
        range.size = reader.u32();
    }
    return ranges;
}

std::string readPath(WireReader &reader, const char *what)
{
    std::string path(reader.str());
    if (path.find('\0') != std::string::npos) {
        throw Error(std::string("The ") + what + " contains a zero byte.");
    }
    return path;
}

} // namespace

void writeIsolation(WireWriter &out, const Isolation &isolation)
{
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < std::size(kFlags); i++) {
        bits |= isolation.*kFlags[i] ? 1U << i : 0U;
    }
    out.u32(bits);
    writeRanges(out, isolation.uidMap);
    writeRanges(out, isolation.gidMap);
    out.str(isolation.rootfs).str(isolation.cgroupPath);
}

Isolation readIsolation(WireReader &reader)
{
    Isolation isolation;
    const std::uint32_t bits = reader.u32();
    if (bits >> std::size(kFlags) != 0) {
        throw Error("The isolation of an application has an unknown part.");
    }
    for (std::size_t i = 0; i < std::size(kFlags); i++) {
        isolation.*kFlags[i] = (bits >> i & 1U) != 0;
    }
    isolation.uidMap = readRanges(reader);
    isolation.gidMap = readRanges(reader);
    isolation.rootfs = readPath(reader, "rootfs");
    isolation.cgroupPath = readPath(reader, "cgroup path");
    return isolation;
}

} // namespace patchbay::ipc
