// The application protocol: what a program that is a worker of its own (runtime modules with
// become()) and the router have agreed upon. sdk/PROTOCOL.md describes it for authors of libraries.
//
// A program is told the server's version in PATCHBAY_INIT ("MAJOR.MINOR;DESCRIPTOR;SERVER") and
// says its own with workerReady. Same major; within it, a program may be older than the server,
// never newer. A minor adds messages, which an older program ignores, and members at the end of
// structures, whose places and strides are in the segments themselves (AppSegmentMap,
// WorkerSegmentMap).
//
// History (append only)
//   1.0  2026-11-23  first
#pragma once

#include <cstdint>

namespace patchbay::ipc {

inline constexpr std::uint32_t kProtocolMajor = 1;
inline constexpr std::uint32_t kProtocolMinor = 0;

} // namespace patchbay::ipc
