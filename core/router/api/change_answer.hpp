// [control] The answer to a change that has succeeded (control-api.md 4, 8).
#pragma once

#include "router/api/message.hpp"
#include "router/control/config_service.hpp"

namespace patchbay::api {

// [{"pointer", "message"}]: what lacks its module.
inline json::Value leftOutList(const std::vector<control::LeftOut> &parts)
{
    json::Value list = json::Value::array();
    for (const control::LeftOut &part : parts) {
        json::Value item = json::Value::object();
        item.add("pointer", json::Value::string(part.pointer));
        item.add("message", json::Value::string(part.message));
        list.append(std::move(item));
    }
    return list;
}

inline Answer changeAnswer(const control::Outcome &outcome)
{
    json::Value body = json::Value::object();
    if (outcome.plan) {
        body.add("success", json::Value::string("Configuration is valid."));
        body.add("plan", *outcome.plan);
        body.add("changed", outcome.changed);
        return Answer::of(200, body);
    }
    body.add("success", json::Value::string("Reconfiguration done."));
    if (!outcome.warning.empty()) {
        body.add("warning", json::Value::string(outcome.warning));
    }
    if (!outcome.degraded.empty()) {
        json::Value names = json::Value::array();
        for (const std::string &name : outcome.degraded) {
            names.append(json::Value::string(name));
        }
        body.add("degraded", std::move(names));
    }
    if (!outcome.leftOut.empty()) {
        body.add("left_out", leftOutList(outcome.leftOut));
    }
    return Answer::of(200, body);
}

} // namespace patchbay::api
