// check and diff: dry runs. Without FILE they ask what a reload of the configuration file would do.
#include "ctl/config_commands.hpp"
#include "ctl/console.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/input.hpp"
#include "ctl/options.hpp"
#include "ctl/plan_text.hpp"
#include "ctl/value_diff.hpp"

namespace patchbay::ctl {
namespace {

constexpr std::string_view kCheck = "the check of the configuration";

struct DryRun {
    Answer answer;
    Input file; // name is empty: none was given
    SentText sent;
};

DryRun dryRun(Context &context)
{
    DryRun run;
    if (context.options.arguments.empty()) {
        run.answer = ask(context, {"POST", "/control/reload?dry_run=1"}, kCheck);
        return run;
    }
    run.file = readInput(context.options.arguments[0]);
    run.sent = {run.file.name, run.file.text, ""};
    run.answer = ask(context, {"PUT", "/config?dry_run=1", run.file.text}, kCheck);
    return run;
}

int refuse(Context &context, const DryRun &run)
{
    return refuse(context, run.answer, run.file.name.empty() ? nullptr : &run.sent);
}

} // namespace

int runCheck(Context &context)
{
    const DryRun run = dryRun(context);
    if (!run.answer.ok()) {
        return refuse(context, run);
    }
    if (context.options.json) {
        context.console.print(run.answer.text);
    } else {
        context.console.say(run.file.name.empty() ? "the configuration file is valid"
                                                  : run.file.name + ": configuration is valid");
    }
    return kDone;
}

int runDiff(Context &context)
{
    const DryRun run = dryRun(context);
    if (!run.answer.ok()) {
        return refuse(context, run);
    }
    static const json::Value kNothing;
    const json::Value *plan = run.answer.value.find("plan");
    const json::Value *changed = run.answer.value.find("changed");
    const std::string values = differencesText(changed != nullptr ? *changed : kNothing);
    if (plan == nullptr) {
        plan = &kNothing;
    }
    context.console.print(context.options.json
                              ? run.answer.text
                              : planText(*plan) +
                                    (values.empty() ? "" : "\nchanged values:\n" + values));
    return planChanges(*plan) || !values.empty() ? kDiffers : kDone;
}

} // namespace patchbay::ctl
