// [control] See status_document.hpp. Before: status_resource has asked the engines.
#include "router/api/status_document.hpp"

#include "base/error.hpp"
#include "patchbay/abi.h"
#include "router/api/change_answer.hpp"
#include "router/api/message.hpp"

#include <algorithm>
#include <unordered_map>

namespace patchbay::api {
namespace {

using control::AppReport;
using json::Value;

Value number(std::uint64_t value)
{
    return Value::integer(static_cast<std::int64_t>(value));
}

// One version of a language is an object, several are an array of them.
Value moduleList(const modules::Catalog &catalog)
{
    std::vector<std::pair<std::string, Value>> languages;
    for (const modules::ModuleInfo &module : catalog.modules) {
        if (module.kind != PB_KIND_RUNTIME) {
            continue;
        }
        Value version = Value::object();
        version.add("version", Value::string(module.version));
        version.add("lib", Value::string(module.file));
        std::string name(module.name());
        auto known = std::find_if(languages.begin(), languages.end(),
                                  [&](const auto &entry) { return entry.first == name; });
        if (known == languages.end()) {
            languages.emplace_back(name, std::move(version));
            continue;
        }
        if (!known->second.isArray()) {
            Value list = Value::array();
            list.append(std::move(known->second));
            known->second = std::move(list);
        }
        known->second.append(std::move(version));
    }
    Value list = Value::object();
    for (auto &[name, value] : languages) {
        list.add(name, std::move(value));
    }
    return list;
}

Value connections(const control::EngineTotals &totals)
{
    Value value = Value::object();
    value.add("accepted", number(totals.accepted));
    value.add("active", number(totals.active));
    value.add("idle", number(totals.idle));
    value.add("closed", number(totals.closed));
    return value;
}

Value processes(const AppReport &report)
{
    Value value = Value::object();
    value.add("running", number(report.running));
    value.add("starting", number(report.starting));
    value.add("idle", number(report.idle));
    value.add("started", number(report.started));
    value.add("died", number(report.died));
    return value;
}

Value failures(const AppReport &report)
{
    Value failed = Value::object();
    failed.add("unavailable", number(report.unavailable));
    failed.add("worker_died", number(report.workerDied));
    failed.add("bad_reply", number(report.badReply));
    failed.add("queue_full", number(report.refusedFull));
    failed.add("queue_time", number(report.refusedLate));
    failed.add("unsendable", number(report.unsendable));
    failed.add("timeout", number(report.timedOut));
    return failed;
}

Value requests(const AppReport &report)
{
    Value wait = Value::object();
    wait.add("count", number(report.taken));
    wait.add("milliseconds", number(report.waitMicroseconds / 1000));
    Value value = Value::object();
    value.add("active", number(report.active));
    value.add("total", number(report.requests));
    value.add("queued", number(report.queued));
    value.add("wait", std::move(wait));
    value.add("failed", failures(report));
    value.add("client_gone", number(report.clientGone));
    return value;
}

const char *stateOf(const AppReport &report)
{
    if (report.running > 0 || report.dormant) {
        return "ok";
    }
    return report.failure || report.starting == 0 ? "down" : "starting";
}

Value failure(const std::string &message, const std::string &output)
{
    Value value = Value::object();
    value.add("message", Value::string(message));
    value.add("output", Value::string(output));
    return value;
}

Value application(const AppReport &report)
{
    Value value = Value::object();
    value.add("processes", processes(report));
    value.add("requests", requests(report));
    value.add("state", Value::string(stateOf(report)));
    if (report.failure && report.running == 0) {
        value.add("failure", failure(*report.failure, report.output));
    }
    return value;
}

// It serves with its old version: the new one's failure is what there is to see.
Value degraded(const AppReport &serving, const StatusFacts &facts,
               const control::FailedApplication &failed)
{
    std::optional<AppReport> wanted = facts.spawner.report(*failed.wanted);
    std::string message = wanted && wanted->failure ? *wanted->failure : failed.message;
    Value value = Value::object();
    value.add("processes", processes(serving));
    value.add("requests", requests(serving));
    const bool serves = std::string_view(stateOf(serving)) == "ok";
    value.add("state", Value::string(serves ? "degraded" : stateOf(serving)));
    value.add("failure", failure(message, wanted ? wanted->output : std::string()));
    return value;
}

Value applications(const StatusFacts &facts, const control::ActiveConfig &active)
{
    std::unordered_map<std::string, const control::FailedApplication *> failed;
    for (const control::FailedApplication &entry : active.ailments.applications) {
        failed.emplace(entry.wanted->name(), &entry);
    }
    Value list = Value::object();
    for (const control::ApplicationPtr &entry : active.snapshot->applications) {
        if (std::optional<AppReport> report = facts.spawner.report(*entry)) {
            auto found = failed.find(entry->name());
            list.add(entry->name(), found == failed.end()
                                        ? application(*report)
                                        : degraded(*report, facts, *found->second));
        }
    }
    return list;
}

Value listeners(const control::ActiveConfig &active)
{
    std::unordered_map<std::string, int> errors;
    for (const control::FailedListener &failed : active.ailments.listeners) {
        errors.emplace(failed.canonical, failed.error);
    }
    Value list = Value::object();
    for (const std::string &canonical : active.base.addresses) {
        auto found = errors.find(canonical);
        Value value = Value::object();
        value.add("state", Value::string(found == errors.end() ? "open" : "failed"));
        if (found != errors.end()) {
            value.add("errno", Value::string(errnoName(found->second)));
            value.add("message", Value::string(errnoText(found->second)));
        }
        list.add(active.base.listeners.at(canonical).address, std::move(value));
    }
    for (const control::LeftOut &out : active.ailments.leftOut) {
        if (out.kind == control::LeftOut::Kind::listener && !out.serves) {
            Value value = Value::object();
            value.add("state", Value::string("failed"));
            value.add("message", Value::string(out.message));
            list.add(out.name, std::move(value));
        }
    }
    return list;
}

Value configuration(const StatusFacts &facts)
{
    const control::ConfigService &service = facts.service;
    Value value = Value::object();
    value.add("source", Value::string(service.fileMode() ? "file" : "api"));
    if (service.fileMode()) {
        value.add("file", Value::string(service.configFile()));
    }
    value.add("generation", number(facts.controller.generation()));
    value.add("applied",
              Value::string(timeText(std::chrono::system_clock::to_time_t(service.since()))));
    value.add("stored", service.storeError().empty() ? Value::boolean(true)
                                                     : Value::string(service.storeError()));
    Value drift = Value::array();
    for (std::string &pointer : service.drift()) {
        drift.append(Value::string(std::move(pointer)));
    }
    value.add("drift", std::move(drift));
    if (const control::ActiveConfig *active = facts.controller.active()) {
        value.add("left_out", leftOutList(active->ailments.leftOut));
    }
    return value;
}

// Age in seconds.
Value generations(const StatusFacts &facts)
{
    auto now = std::chrono::steady_clock::now();
    Value list = Value::array();
    for (const control::Controller::Generation &generation : facts.controller.generations()) {
        config::GenerationUse use;
        for (const config::GenerationUse &entry : facts.use) {
            use = entry.generation == generation.id ? entry : use;
        }
        auto age = std::chrono::duration_cast<std::chrono::seconds>(now - generation.since);
        Value item = Value::object();
        item.add("id", number(generation.id));
        item.add("age", number(static_cast<std::uint64_t>(age.count())));
        item.add("bindings", number(use.bindings));
        item.add("connections", number(use.connections));
        item.add("requests", number(use.requests));
        item.add("current", Value::boolean(generation.id == facts.controller.generation()));
        list.append(std::move(item));
    }
    return list;
}

} // namespace

Value statusDocument(const StatusFacts &facts)
{
    const control::ActiveConfig *active = facts.controller.active();
    Value total = Value::object();
    total.add("total", number(facts.totals.requests));
    Value status = Value::object();
    status.add("modules", moduleList(facts.catalog));
    status.add("connections", connections(facts.totals));
    status.add("requests", std::move(total));
    status.add("applications", active != nullptr ? applications(facts, *active) : Value::object());
    status.add("listeners", active != nullptr ? listeners(*active) : Value::object());
    status.add("configuration", configuration(facts));
    status.add("generations", generations(facts));
    return status;
}

} // namespace patchbay::api
