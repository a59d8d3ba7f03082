// Process "main", until it is up: errors of the start reach the terminal, although descriptor 2 is
// the log file by then, and the command that started a daemon returns only when the first
// configuration is in effect, with its outcome as exit status.
#pragma once

#include "base/unique_fd.hpp"

#include <string_view>

namespace patchbay::main_ {

class StartReport {
public:
    StartReport(); // keeps the terminal: descriptor 2 as it is now

    // Double fork, own session, descriptors 0 and 1 on /dev/null, umask 022. Returns in the daemon
    // only: the process that was called waits for the outcome and exits. Throws SystemError.
    void becomeDaemon();

    // To the terminal and to the log.
    void error(std::string_view text);
    // To the terminal; the log has it already.
    void tell(std::string_view text) const;
    // The server is up: the terminal is let go, the waiting command returns 0. Once.
    void up() noexcept;

private:
    UniqueFd terminal_;
    UniqueFd outcome_; // pipe to the waiting command; closed without a byte means failure
};

} // namespace patchbay::main_
