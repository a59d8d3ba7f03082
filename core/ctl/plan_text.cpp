// See plan_text.hpp. plan: {"applications": {"start", "retire", "keep", "restart"},
// "listeners": {"open", "close", "keep", "change"}}, lists of names. A changed application is in
// start, retire and restart, a changed listener in keep and change.
#include "ctl/plan_text.hpp"

#include "ctl/printable.hpp"

#include <algorithm>

namespace patchbay::ctl {
namespace {

using json::Value;

struct Action {
    std::string_view name;
    std::string_view text;
};

// Restart comes first: what is named there is not told again.
constexpr Action kApplicationActions[] = {
    {"restart", "restart (its options changed)"}, {"start", "start"}, {"retire", "stop"}};
constexpr Action kListenerActions[] = {
    {"open", "open"}, {"close", "close"}, {"change", "change (stays open with other options)"}};

std::vector<std::string> namesOf(const Value &plan, std::string_view kind, std::string_view action)
{
    std::vector<std::string> found;
    const Value *actions = plan.find(kind);
    const Value *list = actions != nullptr ? actions->find(action) : nullptr;
    if (list == nullptr) {
        return found;
    }
    for (const Value &name : list->items()) {
        found.push_back(printable(name.text()));
    }
    return found;
}

// What the plan says about applications or about listeners.
struct Told {
    std::string changes;   // a line for each
    std::string unchanged; // names
};

Told tell(const Value &plan, std::string_view kind, std::string_view singular,
          std::span<const Action> actions)
{
    Told told;
    std::vector<std::string> changed;
    const auto isNew = [&](const std::string &name) {
        return std::find(changed.begin(), changed.end(), name) == changed.end();
    };
    for (const Action &action : actions) {
        for (const std::string &name : namesOf(plan, kind, action.name)) {
            if (isNew(name)) {
                changed.push_back(name);
                told.changes.append(singular) += " " + name + ": ";
                told.changes.append(action.text) += "\n";
            }
        }
    }
    for (const std::string &name : namesOf(plan, kind, "keep")) {
        if (isNew(name)) {
            told.unchanged += (told.unchanged.empty() ? "" : ", ") + name;
        }
    }
    return told;
}

Told tellApplications(const Value &plan)
{
    return tell(plan, "applications", "application", kApplicationActions);
}

Told tellListeners(const Value &plan)
{
    return tell(plan, "listeners", "listener", kListenerActions);
}

} // namespace

bool planChanges(const Value &plan)
{
    return !tellApplications(plan).changes.empty() || !tellListeners(plan).changes.empty();
}

std::string planText(const Value &plan)
{
    const Told applications = tellApplications(plan), listeners = tellListeners(plan);
    std::string out = applications.changes + listeners.changes;
    if (out.empty()) {
        out = "No application and no listener would change.\n";
    }
    if (!applications.unchanged.empty()) {
        out += "unchanged applications: " + applications.unchanged + "\n";
    }
    if (!listeners.unchanged.empty()) {
        out += "unchanged listeners: " + listeners.unchanged + "\n";
    }
    return out;
}

} // namespace patchbay::ctl
