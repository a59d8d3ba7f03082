// [control] What a configuration would change: which listeners open, close and stay, which
// applications start, stop and keep their workers. By the same identities that decide when it is
// put into effect (seed S15, S24), so that what is announced is what happens.
#pragma once

#include "router/control/config_document.hpp"
#include "router/control/provision.hpp"
#include "json/value.hpp"

#include <string>
#include <unordered_map>
#include <vector>

namespace patchbay::control {

// What identifies the parts of one configuration.
struct PlanBase {
    struct Listener {
        std::string address; // as written
        std::string use;     // its options and where its requests go
    };
    std::unordered_map<std::string, Listener> listeners;      // by canonical address
    std::vector<std::string> addresses;                       // canonical, in document order
    std::unordered_map<std::string, SharedText> applications; // name -> key
    std::vector<std::string> names;                           // in document order
};

PlanBase planBase(const ConfigDocument &document, const std::vector<ResolvedListener> &listeners);

// {"applications": {"start", "retire", "keep", "restart"}, "listeners": {"open", "close", "keep",
// "change"}}: arrays of names, in document order. A changed application is in start, retire and
// restart; a listener that stays open and is used otherwise in keep and change.
json::Value makePlan(const PlanBase &before, const PlanBase &after);

} // namespace patchbay::control
