// What every forked child does first. main (router, discovery, prototypes), prototype (workers).
#pragma once

#include "ipc/channel.hpp"

#include <chrono>
#include <csignal>
#include <span>
#include <string>

namespace patchbay::worker {

// Closes every descriptor but 0-2 and those in `keep`.
void closeOtherDescriptors(std::span<const int> keep) noexcept;

// Default action for every signal, nothing blocked: what an application expects to inherit.
void resetSignals() noexcept;
void handleSignal(int number, void (*handler)(int)) noexcept;
void (*signalHandler(int number) noexcept)(int);
// TERM, INT, HUP, USR1, USR2 and PIPE do nothing any more; by an empty handler, not by SIG_IGN, so
// that programs the application executes have the default again. QUIT too, unless it is wanted.
void ignoreSignals(bool quitToo) noexcept;
// The default again for those of them that nobody has given another handler since.
void restoreSignals() noexcept;

// Blocks all signals in the calling thread, and so in threads it starts meanwhile.
class BlockedSignals {
public:
    BlockedSignals() noexcept;
    ~BlockedSignals();
    BlockedSignals(const BlockedSignals &) = delete;
    BlockedSignals &operator=(const BlockedSignals &) = delete;

private:
    sigset_t before_;
};

// Puts /dev/null on descriptor 0.
void detachInput() noexcept;
// Sends, waiting while the peer does not read. false: it is gone, or did not read in time.
bool sendPatiently(ipc::Channel &channel, ipc::MessageType type, std::string_view payload,
                   std::span<const int> fds = {},
                   std::chrono::milliseconds patience = std::chrono::seconds(10)) noexcept;

} // namespace patchbay::worker
