// See exchange.hpp.
#include "ctl/exchange.hpp"

#include "ctl/console.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/options.hpp"
#include "ctl/printable.hpp"
#include "ctl/status_text.hpp"
#include "json/reader.hpp"

namespace patchbay::ctl {
namespace {

constexpr std::chrono::seconds kReadLimit{30}; // reads are answered at once

// Takes the progress line away, however the wait ends.
struct Progress {
    Console &console;
    ~Progress() { console.progressDone(); }
};

// The names of applications and listeners that the change left in trouble.
std::string namesOf(const json::Value &degraded)
{
    std::string names;
    for (const json::Value &name : degraded.items()) {
        names += (names.empty() ? "\"" : "\", \"") + printable(name.text());
    }
    return names.empty() ? names : names + "\"";
}

void explainDegraded(Context &context, const std::string &names)
{
    context.console.complain("done, but not everything runs: " + names);
    const std::optional<json::Value> status = lookUp(context, "/status");
    const std::string why = status ? troubleText(*status) : "";
    if (!why.empty()) {
        context.console.complain(why);
    }
}

} // namespace

Answer ask(Context &context, const Request &request, std::string_view what)
{
    std::optional<std::chrono::seconds> limit = context.options.timeout;
    if (!limit && request.method == "GET") {
        limit = kReadLimit;
    }
    const Progress progress{context.console};
    Response response = context.client.send(request, limit, [&](std::chrono::seconds elapsed) {
        context.console.progress(what, elapsed);
    });
    Answer answer{
        response.status, unixLines(std::move(response.body)), {}, std::move(response.etag)};
    try {
        answer.value = json::read(answer.text);
    } catch (const json::ReadError &) {
        throw ConnectError("status " + std::to_string(answer.status) +
                           " with a text that is no JSON: \"" +
                           shortened(printable(answer.text), 100) +
                           "\". Is this the control socket of patchbayd?");
    }
    return answer;
}

std::optional<json::Value> lookUp(Context &context, const std::string &target)
{
    try {
        Answer answer = ask(context, {"GET", target}, "an explanation");
        if (answer.ok()) {
            return std::move(answer.value);
        }
    } catch (const ConnectError &) { // what is to be explained has been said
    }
    return std::nullopt;
}

int refuse(Context &context, const Answer &answer, const SentText *sent)
{
    if (context.options.json) {
        context.console.print(answer.text);
    } else {
        context.console.complain(errorText(answer.value, sent));
    }
    return kRefused;
}

int finish(Context &context, const Answer &answer, std::string_view done, const SentText *sent)
{
    if (!answer.ok()) {
        return refuse(context, answer, sent);
    }
    const json::Value *degraded = answer.value.find("degraded");
    const std::string names = degraded != nullptr ? namesOf(*degraded) : "";
    const std::string warning = printable(answer.value.stringOf("warning"));
    const int code = names.empty() && warning.empty() ? kDone : kDegraded;
    if (context.options.json) {
        context.console.print(answer.text);
        return code;
    }
    context.console.say(done);
    if (!warning.empty()) {
        context.console.complain(warning);
    }
    if (!names.empty()) {
        explainDegraded(context, names);
    }
    return code;
}

} // namespace patchbay::ctl
