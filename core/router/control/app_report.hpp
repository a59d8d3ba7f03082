// [control] What can be said of one application: for people, the status and its metrics.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace patchbay::control {

struct AppReport {
    std::string name;
    // Workers now. running includes idle; a prototype on its way counts as one that is starting.
    std::uint32_t running = 0, starting = 0, idle = 0;
    bool dormant = false; // there is none, and the next request starts one
    // Workers ever: processes begun, and of these the ones that ended without being told to.
    std::uint64_t started = 0, died = 0;
    std::optional<std::string> failure; // of the last start, until one succeeds
    std::string output; // last lines on standard error (application_output.hpp); valid UTF-8

    // Requests now: at the application or waiting for it, and of these the ones no worker has.
    std::uint64_t active = 0, queued = 0;
    // Ever, as in app::Application.
    std::uint64_t requests = 0, refusedFull = 0, refusedLate = 0, unavailable = 0, unsendable = 0,
                  workerDied = 0, timedOut = 0, badReply = 0, clientGone = 0, taken = 0,
                  waitMicroseconds = 0;
};

} // namespace patchbay::control
