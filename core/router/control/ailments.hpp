// [control] What of a configuration does not run although the configuration is in effect. It is
// tried again until it runs; see Controller::heal.
#pragma once

#include "router/control/engine_set.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace patchbay::control {

struct FailedListener {
    std::string address;   // as written
    std::string canonical; // what could not be opened
    int error = 0;         // errno of the last try
};

// Its former version serves. (An application without one is in the snapshot, answers 503, and the
// Spawner brings it back without us.)
struct FailedApplication {
    ApplicationPtr wanted; // begins anew with growing delays for as long as it is held here
    std::string message;   // of the start that decided
};

struct Ailments {
    std::vector<FailedListener> listeners;
    std::vector<FailedApplication> applications;

    bool none() const noexcept { return listeners.empty() && applications.empty(); }
    // Nothing got better, nothing got worse.
    bool same(const Ailments &other) const
    {
        auto sameListener = [](const FailedListener &a, const FailedListener &b) {
            return a.canonical == b.canonical;
        };
        auto sameApplication = [](const FailedApplication &a, const FailedApplication &b) {
            return a.wanted == b.wanted;
        };
        return std::equal(listeners.begin(), listeners.end(), other.listeners.begin(),
                          other.listeners.end(), sameListener) &&
               std::equal(applications.begin(), applications.end(), other.applications.begin(),
                          other.applications.end(), sameApplication);
    }
};

} // namespace patchbay::control
