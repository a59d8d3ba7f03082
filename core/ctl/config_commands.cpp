// config get, set, append, delete.
#include "ctl/config_commands.hpp"

#include "ctl/console.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/input.hpp"
#include "ctl/missing.hpp"
#include "ctl/options.hpp"
#include "ctl/printable.hpp"
#include "ctl/request_path.hpp"
#include "json/location.hpp"

namespace patchbay::ctl {
namespace {

// Of an element that is appended only the server knows the index: pointers to it are told, places
// in the text are not.
int sendValue(Context &context, const char *method)
{
    const std::string &path = context.options.arguments[0];
    const std::string command =
        "patchbayctl " + std::string(context.options.command->name) + " " + shellWord(path);
    const Input value = readValue(context.options.arguments[1], context.options.string, command);
    const SentText sent{value.name, value.text, pointerOf(path)};
    const Answer answer = ask(context, {method, configTarget(path), value.text}, kNewConfiguration);
    return finishAt(context, answer, path, value.name.empty() ? nullptr : &sent);
}

} // namespace

void explainMissing(Context &context, const Answer &answer, const std::vector<std::string> &parts)
{
    constexpr int kNotFound = 404;
    if (answer.status != kNotFound || context.options.json) {
        return;
    }
    const std::optional<json::Value> root = lookUp(context, "/config");
    const std::string why = root ? missingText(*root, parts) : "";
    if (!why.empty()) {
        context.console.note("  " + why);
    }
}

int refuseAt(Context &context, const Answer &answer, const std::string &path, const SentText *sent)
{
    const int code = refuse(context, answer, sent);
    explainMissing(context, answer, pathParts(path));
    return code;
}

int finishAt(Context &context, const Answer &answer, const std::string &path, const SentText *sent)
{
    if (!answer.ok()) {
        return refuseAt(context, answer, path, sent);
    }
    return finish(context, answer, printable(answer.value.stringOf("success")), sent);
}

int runConfigGet(Context &context)
{
    const std::vector<std::string> &arguments = context.options.arguments;
    const std::string path = arguments.empty() ? "/" : arguments[0];
    const Answer answer = ask(context, {"GET", configTarget(path)}, "the configuration");
    if (!answer.ok()) {
        return refuseAt(context, answer, path);
    }
    context.console.print(answer.text);
    return kDone;
}

int runConfigSet(Context &context)
{
    return sendValue(context, "PUT");
}

int runConfigAppend(Context &context)
{
    return sendValue(context, "POST");
}

int runConfigDelete(Context &context)
{
    const std::string &path = context.options.arguments[0];
    const Answer answer = ask(context, {"DELETE", configTarget(path)}, kNewConfiguration);
    return finishAt(context, answer, path);
}

} // namespace patchbay::ctl
