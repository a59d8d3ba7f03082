// See status_text.hpp. The members are those of control-api.md 6.
#include "ctl/status_text.hpp"

#include "ctl/printable.hpp"
#include "ctl/table.hpp"
#include "json/writer.hpp"

#include <initializer_list>

namespace patchbay::ctl {
namespace {

using json::Value;

const Value *lookUp(const Value &value, std::initializer_list<std::string_view> path)
{
    const Value *at = &value;
    for (const std::string_view name : path) {
        at = at->find(name);
        if (at == nullptr) {
            return nullptr;
        }
    }
    return at;
}

// Members of the object there; none when it is absent.
const std::vector<json::Member> &membersOf(const Value &value, std::string_view name)
{
    static const std::vector<json::Member> kNone;
    const Value *object = value.find(name);
    return object != nullptr ? object->members() : kNone;
}

// A string's content, other values as JSON, "-" when absent.
std::string cell(const Value &value, std::initializer_list<std::string_view> path)
{
    const Value *found = lookUp(value, path);
    if (found == nullptr) {
        return "-";
    }
    return found->isString() ? found->text() : json::writeCompact(*found);
}

// The sum of an object's numbers, "-" when it is absent.
std::string sumCell(const Value &value, std::initializer_list<std::string_view> path)
{
    const Value *found = lookUp(value, path);
    if (found == nullptr) {
        return "-";
    }
    std::int64_t sum = 0;
    for (const json::Member &member : found->members()) {
        sum += member.value.isInteger() ? member.value.asInteger() : 0;
    }
    return std::to_string(sum);
}

// Mean wait for a worker.
std::string waitCell(const Value &application)
{
    const Value *wait = lookUp(application, {"requests", "wait"});
    const Value *count = wait != nullptr ? wait->find("count") : nullptr;
    const Value *total = wait != nullptr ? wait->find("milliseconds") : nullptr;
    if (count == nullptr || total == nullptr || count->asDouble() <= 0) {
        return "-";
    }
    return std::to_string(static_cast<std::int64_t>(total->asDouble() / count->asDouble())) + " ms";
}

std::string list(const Value &strings)
{
    std::string out;
    for (const Value &item : strings.items()) {
        out += (out.empty() ? "" : ", ") + printable(item.text());
    }
    return out;
}

std::string configurationText(const Value &status)
{
    const Value *configuration = status.find("configuration");
    if (configuration == nullptr) {
        return {};
    }
    std::string out =
        "configuration  generation " + printable(cell(*configuration, {"generation"}));
    const std::string file = printable(configuration->stringOf("file"));
    const bool fromApi = configuration->stringOf("source") == "api";
    out += !file.empty() ? ", from " + file : fromApi ? ", from the control API" : "";
    const std::string applied = printable(configuration->stringOf("applied"));
    out += applied.empty() ? "\n" : ", applied " + applied + "\n";
    const Value *drift = configuration->find("drift");
    if (drift != nullptr && !drift->items().empty()) {
        out += "               differs from the file, changed by the API: " + list(*drift) + "\n";
    }
    return out;
}

std::string trafficText(const Value &status)
{
    std::string out;
    if (status.find("connections") != nullptr) {
        out += "connections    ";
        for (const char *name : {"active", "idle", "accepted", "closed"}) {
            out += printable(cell(status, {"connections", name})) + " " + name;
            out += std::string_view(name) == "closed" ? "\n" : ", ";
        }
    }
    if (status.find("requests") != nullptr) {
        out += "requests       " + printable(cell(status, {"requests", "total"})) + "\n";
    }
    return out;
}

std::string listenersText(const Value &status)
{
    Table table({"LISTENER", "STATE"});
    for (const json::Member &listener : membersOf(status, "listeners")) {
        table.add({listener.name, cell(listener.value, {"state"})});
    }
    return table.empty() ? "" : "\n" + table.text();
}

std::string applicationsText(const Value &status)
{
    Table table({"APPLICATION", "STATE", ">PROCESSES", ">IDLE", ">STARTING", ">ACTIVE", ">QUEUED",
                 ">WAIT", ">REQUESTS", ">FAILED"});
    for (const json::Member &application : membersOf(status, "applications")) {
        const Value &value = application.value;
        table.add({application.name, cell(value, {"state"}), cell(value, {"processes", "running"}),
                   cell(value, {"processes", "idle"}), cell(value, {"processes", "starting"}),
                   cell(value, {"requests", "active"}), cell(value, {"requests", "queued"}),
                   waitCell(value), cell(value, {"requests", "total"}),
                   sumCell(value, {"requests", "failed"})});
    }
    return table.empty() ? "" : "\n" + table.text();
}

// Old generations are kept alive by what still uses them; the current one alone says nothing.
std::string generationsText(const Value &status)
{
    const Value *generations = status.find("generations");
    if (generations == nullptr || generations->items().size() < 2) {
        return {};
    }
    Table table({">GENERATION", ">AGE", ">CONNECTIONS", ">REQUESTS", ""});
    for (const Value &one : generations->items()) {
        const Value *current = one.find("current");
        table.add({cell(one, {"id"}), cell(one, {"age"}) + " s", cell(one, {"connections"}),
                   cell(one, {"requests"}),
                   current != nullptr && current->asBool() ? "current" : "still in use"});
    }
    return "\n" + table.text();
}

void appendLine(std::string &out, const std::string &line)
{
    out += (out.empty() ? "" : "\n") + line;
}

void appendFailure(std::string &out, const json::Member &application)
{
    const std::string state = printable(application.value.stringOf("state"));
    const Value *failure = application.value.find("failure");
    if (state != "degraded" && state != "down") {
        return;
    }
    std::string line = "application \"" + printable(application.name) + "\" is " + state;
    if (failure == nullptr) {
        appendLine(out, line);
        return;
    }
    const std::string message = printable(failure->stringOf("message"));
    appendLine(out, line + (message.empty() ? "" : ": " + message));
    const std::string output = indented(failure->stringOf("output"), "    ");
    if (!output.empty()) {
        appendLine(out, "  the last lines it printed:");
        appendLine(out, output.substr(0, output.size() - 1));
    }
}

// Applications and listeners that do not serve have been told of.
void appendLeftOut(std::string &out, const Value &status)
{
    const Value *parts = lookUp(status, {"configuration", "left_out"});
    if (parts == nullptr) {
        return;
    }
    for (const Value &part : parts->items()) {
        const std::string message = printable(part.stringOf("message"));
        if (out.find(message) == std::string::npos) {
            appendLine(out, printable(part.stringOf("pointer")) + ": " + message);
        }
    }
}

void addModule(Table &table, const std::string &name, const Value &module)
{
    table.add({name, cell(module, {"version"}), cell(module, {"lib"})});
}

} // namespace

std::string troubleText(const Value &status)
{
    std::string out;
    for (const json::Member &application : membersOf(status, "applications")) {
        appendFailure(out, application);
    }
    for (const json::Member &listener : membersOf(status, "listeners")) {
        if (listener.value.stringOf("state") == "failed") {
            const std::string message = printable(listener.value.stringOf("message"));
            appendLine(out, "listener \"" + printable(listener.name) + "\" is not open" +
                                (message.empty() ? "" : ": " + message));
        }
    }
    appendLeftOut(out, status);
    const std::string notStored = status.find("configuration") != nullptr
                                      ? printable(status.find("configuration")->stringOf("stored"))
                                      : "";
    if (!notStored.empty()) {
        appendLine(out, "the configuration is active but not stored: " + notStored);
    }
    return out;
}

std::string statusText(const Value &status)
{
    std::string out = configurationText(status) + trafficText(status) + listenersText(status) +
                      applicationsText(status) + generationsText(status);
    const std::string trouble = troubleText(status);
    out += trouble.empty() ? "" : "\n" + trouble + "\n";
    return out;
}

std::string modulesText(const Value &modules)
{
    Table table({"MODULE", "VERSION", "FILE"});
    for (const json::Member &module : modules.members()) {
        for (const Value &one : module.value.items()) { // several versions
            addModule(table, module.name, one);
        }
        if (module.value.isObject()) {
            addModule(table, module.name, module.value);
        }
    }
    return table.empty() ? "No module is loaded.\n" : table.text();
}

} // namespace patchbay::ctl
