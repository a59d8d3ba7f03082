// status, modules, schema; reload and restart.
#include "ctl/config_commands.hpp"
#include "ctl/console.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/options.hpp"
#include "ctl/printable.hpp"
#include "ctl/request_path.hpp"
#include "ctl/status_text.hpp"

namespace patchbay::ctl {

int runStatus(Context &context)
{
    const Answer answer = ask(context, {"GET", "/status"}, "the status");
    if (!answer.ok()) {
        return refuse(context, answer);
    }
    context.console.print(context.options.json ? answer.text : statusText(answer.value));
    return troubleText(answer.value).empty() ? kDone : kDegraded;
}

int runModules(Context &context)
{
    const Answer answer = ask(context, {"GET", "/status/modules"}, "the modules");
    if (!answer.ok()) {
        return refuse(context, answer);
    }
    context.console.print(context.options.json ? answer.text : modulesText(answer.value));
    return kDone;
}

int runSchema(Context &context)
{
    const Answer answer = ask(context, {"GET", "/schema"}, "the schema");
    if (!answer.ok()) {
        return refuse(context, answer);
    }
    context.console.print(answer.text);
    return kDone;
}

int runReload(Context &context)
{
    const Answer answer = ask(context, {"POST", "/control/reload"}, kNewConfiguration);
    return finish(context, answer, printable(answer.value.stringOf("success")));
}

int runRestart(Context &context)
{
    const std::string &name = context.options.arguments[0];
    const std::string shown = "application \"" + printable(name) + "\"";
    const Answer answer =
        ask(context, {"POST", "/control/applications/" + encodePart(name) + "/restart"}, shown);
    const int code = finish(context, answer, shown + " has been restarted.");
    explainMissing(context, answer, {"applications", name});
    return code;
}

} // namespace patchbay::ctl
