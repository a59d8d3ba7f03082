// Process "main": its signals as events of the loop, not as interruptions.
#pragma once

#include "base/unique_fd.hpp"

#include <sys/types.h>

#include <optional>
#include <string>

namespace patchbay::main_ {

class SignalSource {
public:
    // Blocks the signals main acts on and collects them from now on; those that came while the
    // process started wait. A parent may have left some ignored (a shell does so to background
    // jobs): they are not any more. Throws SystemError.
    SignalSource();

    struct Signal {
        int number;
        uid_t sender; // who sent it; 0 for the kernel
    };

    int fd() const noexcept { return fd_.get(); }
    std::optional<Signal> next(); // nullopt: no more for now

private:
    UniqueFd fd_;
};

// "SIGTERM"; for log lines.
std::string signalName(int number);

} // namespace patchbay::main_
