// See plan_text.hpp. plan: {"applications": {"start", "retire", "keep", "restart"},
// "listeners": {"open", "close", "keep", "change"}}, lists of names. A changed application is in
// start, retire and restart.
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

std::vector<std::string> names(const Value &plan, std::string_view kind, std::string_view action)
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

void appendActions(std::string &out, const Value &plan, std::string_view kind,
                   std::string_view singular, std::span<const Action> actions)
{
    std::vector<std::string> told;
    for (const Action &action : actions) {
        for (const std::string &name : names(plan, kind, action.name)) {
            if (std::find(told.begin(), told.end(), name) == told.end()) {
                told.push_back(name);
                out.append(singular) += " " + name + ": ";
                out.append(action.text) += "\n";
            }
        }
    }
}

std::string joined(const std::vector<std::string> &parts)
{
    std::string out;
    for (const std::string &part : parts) {
        out += (out.empty() ? "" : ", ") + part;
    }
    return out;
}

std::string actionsText(const Value &plan)
{
    std::string out;
    appendActions(out, plan, "applications", "application", kApplicationActions);
    appendActions(out, plan, "listeners", "listener", kListenerActions);
    return out;
}

} // namespace

bool planChanges(const Value &plan)
{
    return !actionsText(plan).empty();
}

std::string planText(const Value &plan)
{
    std::string out = actionsText(plan);
    if (out.empty()) {
        out = "No application and no listener would change.\n";
    }
    const std::string applications = joined(names(plan, "applications", "keep"));
    const std::string listeners = joined(names(plan, "listeners", "keep"));
    if (!applications.empty()) {
        out += "unchanged applications: " + applications + "\n";
    }
    if (!listeners.empty()) {
        out += "unchanged listeners: " + listeners + "\n";
    }
    return out;
}

} // namespace patchbay::ctl
