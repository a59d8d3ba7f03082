// [worker] max_execution_time and max_input_time, without PHP's own timer, which costs three system
// calls per request (2 us): one timer of the main thread's processor time ticks as long as the
// worker lives, and a request that has lived through all of its ticks gets the SIGPROF that PHP's
// timer would have sent. A script that calls set_time_limit() has PHP's own timer from there on.
#pragma once

namespace patchbay::php {

// After PHP's start and its settings: PHP sets no timer at the beginning of a request. [prototype]
// Throws std::runtime_error: PHP does not know its own limit.
void replaceTimeLimits();

// On the main thread, before the first request. Throws std::runtime_error.
void startTicking();

// PHP reads a request; runs its script; is done with it, in this order.
void limitInput() noexcept;
void limitScript() noexcept;
void liftLimit() noexcept;

} // namespace patchbay::php
