// [worker] Whose signals are whose. PHP's own handling ("zend signals") would put its handlers in
// front of the core's at each request and remember those of the prototype. It is told not to; what
// is left to it is SIGPROF, its time limit. What a script changes (pcntl_signal(),
// pcntl_sigprocmask(), pcntl_alarm()) is put back after its request, so the core can always end the
// worker.
#pragma once

#include <array>
#include <csignal>

namespace patchbay::php {

// Before PHP starts. [prototype]
void leaveSignalsAlone() noexcept;

class SignalKeeper {
public:
    // Main thread, before the first request: what the core has set up.
    void capture() noexcept;
    // PHP has begun a request, no script has run yet: what its table of handlers begins with.
    void requestBegins() noexcept;
    // After each request.
    void restore() noexcept;

private:
    std::array<struct sigaction, NSIG> actions_{};
    sigset_t mask_{};
    std::array<const void *, NSIG> initial_{}; // by signal number - 1
    bool noted_ = false;
};

} // namespace patchbay::php
