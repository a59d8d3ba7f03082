// [control] What of a configuration does not run although the configuration is in effect. It is
// tried again until it runs; see Controller::heal.
#pragma once

#include "router/control/engine_set.hpp"

#include <algorithm>
#include <cstdint>
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

// What its module is missing for, or does not set up. An application of these is in the snapshot
// all the same and answers 503, unless its former version serves; then it is a FailedApplication,
// too.
struct LeftOut {
    enum class Kind : std::uint8_t { listener, application, sink };
    Kind kind;
    std::string name;     // of an application or a sink; a listener's address
    std::string pointer;  // "/applications/blog"
    std::string message;  // why, and what to do
    std::string identity; // the same again: the same part of a configuration, for the same reason
    bool serves = false;  // with what is loaded already
    bool passing = false; // its module is there: worth another try without a reload

    const char *kindText() const noexcept
    {
        return kind == Kind::listener ? "listener" : kind == Kind::sink ? "sink" : "application";
    }
    std::string section() const { return std::string(kindText()) + "s"; } // it is a member of
};

struct Ailments {
    std::vector<FailedListener> listeners;
    std::vector<FailedApplication> applications;
    std::vector<LeftOut> leftOut;
    // Applications without an older version to fall back to; their own supervisors go on trying.
    std::vector<std::string> failing;

    bool none() const noexcept
    {
        return listeners.empty() && applications.empty() && leftOut.empty();
    }
    // A new look at listeners, sinks or modules may find it better.
    bool mayPass() const noexcept
    {
        return !listeners.empty() || std::any_of(leftOut.begin(), leftOut.end(),
                                                 [](const LeftOut &out) { return out.passing; });
    }
    // Nothing got better, nothing got worse.
    bool same(const Ailments &other) const
    {
        auto sameListener = [](const FailedListener &a, const FailedListener &b) {
            return a.canonical == b.canonical;
        };
        auto sameApplication = [](const FailedApplication &a, const FailedApplication &b) {
            return a.wanted == b.wanted;
        };
        auto sameLeftOut = [](const LeftOut &a, const LeftOut &b) {
            return a.identity == b.identity && a.serves == b.serves;
        };
        return std::equal(leftOut.begin(), leftOut.end(), other.leftOut.begin(),
                          other.leftOut.end(), sameLeftOut) &&
               std::equal(listeners.begin(), listeners.end(), other.listeners.begin(),
                          other.listeners.end(), sameListener) &&
               std::equal(applications.begin(), applications.end(), other.applications.begin(),
                          other.applications.end(), sameApplication);
    }
};

} // namespace patchbay::control
