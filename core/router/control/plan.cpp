// [control] See plan.hpp. Used by reconfigure for dry runs, and by a check (-t).
#include "router/control/plan.hpp"

namespace patchbay::control {
namespace {

using json::Value;

Value applicationPlan(const PlanBase &before, const PlanBase &after)
{
    Value start = Value::array();
    Value retire = Value::array();
    Value keep = Value::array();
    Value restart = Value::array();
    for (const std::string &name : after.names) {
        auto old = before.applications.find(name);
        if (old == before.applications.end()) {
            start.append(Value::string(name));
        } else if (old->second == after.applications.at(name)) {
            keep.append(Value::string(name));
        } else {
            start.append(Value::string(name));
            retire.append(Value::string(name));
            restart.append(Value::string(name));
        }
    }
    for (const std::string &name : before.names) {
        if (!after.applications.contains(name)) {
            retire.append(Value::string(name));
        }
    }
    Value plan = Value::object();
    plan.add("start", std::move(start));
    plan.add("retire", std::move(retire));
    plan.add("keep", std::move(keep));
    plan.add("restart", std::move(restart));
    return plan;
}

Value listenerPlan(const PlanBase &before, const PlanBase &after)
{
    Value open = Value::array();
    Value close = Value::array();
    Value keep = Value::array();
    Value change = Value::array();
    for (const std::string &canonical : after.addresses) {
        const PlanBase::Listener &listener = after.listeners.at(canonical);
        auto old = before.listeners.find(canonical);
        if (old == before.listeners.end()) {
            open.append(Value::string(listener.address));
            continue;
        }
        keep.append(Value::string(listener.address));
        if (old->second.use != listener.use) {
            change.append(Value::string(listener.address));
        }
    }
    for (const std::string &canonical : before.addresses) {
        if (!after.listeners.contains(canonical)) {
            close.append(Value::string(before.listeners.at(canonical).address));
        }
    }
    Value plan = Value::object();
    plan.add("open", std::move(open));
    plan.add("close", std::move(close));
    plan.add("keep", std::move(keep));
    plan.add("change", std::move(change));
    return plan;
}

} // namespace

PlanBase planBase(const ConfigDocument &document, const std::vector<ResolvedListener> &listeners)
{
    PlanBase base;
    for (const ResolvedListener &listener : listeners) {
        base.addresses.emplace_back(listener.spec.canonical);
        base.listeners.emplace(
            listener.spec.canonical,
            PlanBase::Listener{listener.config->address,
                               listener.config->options + ' ' + listener.config->applicationName +
                                   '/' + std::to_string(listener.config->targetIndex)});
    }
    for (const ApplicationConfig &application : document.applications) {
        base.names.push_back(application.name);
        base.applications.emplace(application.name, application.key);
    }
    return base;
}

Value makePlan(const PlanBase &before, const PlanBase &after)
{
    Value plan = Value::object();
    plan.add("applications", applicationPlan(before, after));
    plan.add("listeners", listenerPlan(before, after));
    return plan;
}

} // namespace patchbay::control
