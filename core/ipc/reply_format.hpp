// The bytes a worker answers with, one format for all languages (seed.md 7): a head, then body.
// Worker writes it (worker/reply_writer), router parses it incrementally
// (router/http/reply_parser): it may be split anywhere. Packed, native-endian, no alignment.
//
//   u32 blockSize    bytes of the head that follow this number
//   u16 status       100..999
//   u16 fieldCount
//   fieldCount times: u16 nameSize, u32 valueSize, nameSize bytes, valueSize bytes
//   then body bytes until the exchange's last entry
#pragma once

#include <cstddef>
#include <cstdint>

namespace patchbay::ipc {

inline constexpr std::size_t kReplyHeadPrefix = 8;         // blockSize, status, fieldCount
inline constexpr std::size_t kReplyFieldPrefix = 6;        // nameSize, valueSize
inline constexpr std::uint32_t kMaxReplyHead = 256 * 1024; // larger: the application failed (503)
inline constexpr std::uint32_t kMaxReplyFields = 1024;

} // namespace patchbay::ipc
