// [any] Sleeping on a word of memory shared between processes (so never the private kind of futex).
// Used by request_queue and reply_ring.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace patchbay::ipc {

// Sleeps while word == expected; may return early (a signal, another's wake).
inline void futexWait(std::atomic<std::uint32_t> &word, std::uint32_t expected) noexcept
{
    syscall(SYS_futex, &word, FUTEX_WAIT, expected, nullptr, nullptr, 0);
}

// Wakes at most `count` sleepers.
inline void futexWake(std::atomic<std::uint32_t> &word, int count) noexcept
{
    syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

} // namespace patchbay::ipc
