// patchbay-module, child process: what a call must leave as it found it.
#pragma once

#include <csignal>
#include <string>
#include <vector>

namespace patchbay::check {

class ProcessState {
public:
    static ProcessState now();
    // What is different since; empty: nothing. Threads that are about to end get a moment.
    std::string changes() const;

private:
    std::string changesTo(const ProcessState &later) const;

    std::vector<std::string> descriptors_; // "5 -> socket:[123]"
    std::size_t threads_ = 0;
    std::string directory_;
    std::vector<void *> handlers_; // by signal
};

} // namespace patchbay::check
