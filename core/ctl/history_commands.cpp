// history, history show, rollback: the versions that the state directory keeps.
#include "ctl/config_commands.hpp"
#include "ctl/console.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/options.hpp"
#include "ctl/printable.hpp"
#include "ctl/table.hpp"
#include "json/writer.hpp"

#include <pwd.h>

namespace patchbay::ctl {
namespace {

std::string member(const json::Value &version, std::string_view name)
{
    const json::Value *value = version.find(name);
    if (value == nullptr) {
        return "-";
    }
    return value->isString() ? value->text() : json::writeCompact(*value);
}

std::string author(const json::Value &version)
{
    const json::Value *uid = version.find("uid");
    if (uid == nullptr || !uid->isInteger()) {
        return "-";
    }
    const passwd *user = getpwuid(static_cast<uid_t>(uid->asInteger()));
    return user != nullptr ? user->pw_name : std::to_string(uid->asInteger());
}

bool isCurrent(const json::Value &version)
{
    const json::Value *current = version.find("current");
    return current != nullptr && current->asBool();
}

std::string checkedId(const std::string &id)
{
    if (id.empty() || id.find_first_not_of("0123456789") != std::string::npos) {
        throw UsageError("\"" + id + "\" is no version: its number is wanted, see " +
                         "\"patchbayctl history\"");
    }
    return id;
}

std::string target(const std::string &id)
{
    return "/control/history/" + id;
}

// The version after the current one in a list that begins with the newest. Throws Error.
std::string versionBefore(const json::Value &history)
{
    const std::vector<json::Value> &versions = history.items();
    for (std::size_t i = 0; i < versions.size(); ++i) {
        if (!isCurrent(versions[i])) {
            continue;
        }
        if (i + 1 == versions.size()) {
            throw Error("there is no version before the current one");
        }
        return checkedId(member(versions[i + 1], "id"));
    }
    throw Error("none of the kept versions is the current one: name the one that you want, see "
                "\"patchbayctl history\"");
}

} // namespace

int runHistory(Context &context)
{
    const Answer answer = ask(context, {"GET", "/control/history"}, "the history");
    if (!answer.ok()) {
        return refuse(context, answer);
    }
    if (context.options.json) {
        context.console.print(answer.text);
        return kDone;
    }
    Table table({">ID", "TIME", "BY", "FROM", ""});
    for (const json::Value &version : answer.value.items()) {
        table.add({member(version, "id"), member(version, "time"), author(version),
                   member(version, "origin"), isCurrent(version) ? "current" : ""});
    }
    context.console.print(table.empty() ? "No version is kept.\n" : table.text());
    return kDone;
}

int runHistoryShow(Context &context)
{
    const std::string id = checkedId(context.options.arguments[0]);
    const Answer answer = ask(context, {"GET", target(id)}, "the history");
    if (!answer.ok()) {
        return refuse(context, answer);
    }
    context.console.print(answer.text);
    return kDone;
}

int runRollback(Context &context)
{
    std::string id;
    if (!context.options.arguments.empty()) {
        id = checkedId(context.options.arguments[0]);
    } else {
        const Answer history = ask(context, {"GET", "/control/history"}, "the history");
        if (!history.ok()) {
            return refuse(context, history);
        }
        id = versionBefore(history.value);
    }
    const Answer answer = ask(context, {"POST", target(id) + "/restore"}, kNewConfiguration);
    return finish(context, answer, "Version " + id + " is in effect again.");
}

} // namespace patchbay::ctl
