// patchbay-module: see checker.hpp. Everything that runs code of the module runs in a child.
#include "checker.hpp"

#include "program.hpp"
#include "rule.hpp"
#include "sample_options.hpp"
#include "subject.hpp"

#include "base/error.hpp"
#include "module/check.hpp"
#include "module/discovery.hpp"
#include "module/loader.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace patchbay::check {

namespace {

constexpr std::chrono::seconds kLimit{20}; // of one case

constexpr const char *kPromises[] = {"it is a shared object and the linker finds what it needs",
                                     "it exports the table patchbay_module",
                                     "its ABI is one that this server speaks",
                                     "its kind is known, its id is the kind, a dot and a name",
                                     "its descriptor is complete",
                                     "its table of functions is complete",
                                     "its options schema can be used"};
static_assert(std::size(kPromises) == std::size(modules::kRules));

std::string userName()
{
    const passwd *user = ::getpwuid(::geteuid());
    return user != nullptr ? user->pw_name : std::to_string(::geteuid());
}

// "RULE text": a descriptor that breaks a rule, on its way to the parent.
std::string describe(const std::string &file)
{
    if (::access(file.c_str(), R_OK) != 0 && errno == EACCES) {
        throw Finding(std::string(modules::kRules[0]) + " the user \"" + userName() +
                      "\", as whom it is tried here, may not read it. Let everybody read the file "
                      "and enter the directories above it, or try it as another user than root");
    }
    try {
        loadModule(file);
        return modules::writeManifest({{modules::describeFile(file)}, {}});
    } catch (const modules::BrokenModule &e) {
        throw Finding(std::string(e.fault().rule) + " " + e.fault().text);
    }
}

void addDescriptorResults(Verdict &verdict, const Outcome &outcome)
{
    std::string broken;
    Outcome fault = outcome;
    if (outcome.state != State::held) {
        const auto space = outcome.text.find(' ');
        broken = outcome.text.substr(0, space);
        const auto *known = std::find(std::begin(modules::kRules), std::end(modules::kRules),
                                      std::string_view(broken));
        if (known == std::end(modules::kRules)) {
            broken = modules::kRules[0]; // a death, while it was loaded
        } else {
            fault.text = outcome.text.substr(space + 1);
        }
    }
    State state = State::held;
    for (std::size_t i = 0; i < std::size(modules::kRules); i++) {
        const std::string rule(modules::kRules[i]);
        if (rule == broken) {
            verdict.results.push_back({rule, kPromises[i], fault});
            state = State::skipped;
        } else {
            const std::string reason = state == State::skipped ? "\"" + broken + "\" fails" : "";
            verdict.results.push_back({rule, kPromises[i], {state, reason, {}}});
        }
    }
}

Outcome tryRule(const Rule &rule)
{
    Outcome outcome;
    for (const Case &attempt : rule.cases) {
        outcome = runApart(attempt.work, kLimit);
        const bool quiet = rule.name != "quiet" || outcome.output.empty();
        if (outcome.state == State::held && !quiet) {
            return {State::broken, "it prints when it is loaded", outcome.output};
        }
        if (outcome.state != State::held) {
            return outcome;
        }
    }
    return outcome;
}

// Rules in order; after a fundamental one that fails none is tried any more.
void tryRules(Verdict &verdict, const std::vector<Rule> &rules, std::string &reason)
{
    for (const Rule &rule : rules) {
        Outcome outcome{State::skipped, reason.empty() ? rule.skip : reason, {}};
        if (outcome.text.empty()) {
            outcome = tryRule(rule);
        }
        if (rule.fundamental && outcome.state == State::broken) {
            reason = "\"" + rule.name + "\" fails";
        }
        verdict.results.push_back({rule.name, rule.promise, std::move(outcome)});
    }
}

std::vector<Rule> kindRules(const Target &target)
{
    switch (target.info.kind) {
    case PB_KIND_LISTENER:
        return listenerRules(target);
    case PB_KIND_ENCODER:
        return encoderRules(target);
    case PB_KIND_SINK:
        return sinkRules(target);
    default:
        return runtimeRules(target);
    }
}

// The schema's own defaults, then the options to be used. False: there are none to go on with.
bool checkOptions(Verdict &verdict, const CheckRequest &request, Target &target)
{
    const std::string fault = defaultsFault(target.info.schema);
    verdict.results.push_back({"defaults",
                               "its options have valid defaults",
                               {fault.empty() ? State::held : State::broken, fault, {}}});
    const std::string given = request.options.value_or("{}");
    const std::string refused = optionsFault(target.info.schema, given);
    Outcome outcome{State::held, refused, {}};
    if (!refused.empty()) {
        outcome.state = request.options ? State::broken : State::skipped;
        outcome.text += request.options ? "" : " Give what it needs with --options JSON";
    } else {
        const std::string canonical = canonicalOptions(given);
        target.options = withProgram(canonical, programFile());
        target.pattern = target.options != canonical ? canonical : "";
    }
    verdict.results.push_back({"options", "its schema takes the options", outcome});
    return refused.empty();
}

} // namespace

std::size_t Verdict::count(State state) const
{
    return static_cast<std::size_t>(
        std::count_if(results.begin(), results.end(),
                      [&](const Result &result) { return result.outcome.state == state; }));
}

Verdict checkModule(const CheckRequest &request)
{
    Verdict verdict;
    verdict.file = std::filesystem::absolute(request.file).lexically_normal();
    const Outcome described = runApart([&] { return describe(verdict.file); }, kLimit);
    addDescriptorResults(verdict, described);
    if (described.state != State::held) {
        return verdict;
    }
    Target target;
    target.info = modules::parseManifest(described.text).modules.at(0);
    target.info.file = verdict.file;
    target.encoder = request.encoder.empty()
                         ? ""
                         : std::filesystem::absolute(request.encoder).lexically_normal().string();
    target.address = request.address;
    verdict.id = target.info.id;
    verdict.version = target.info.version;
    std::string reason; // why what follows is not tried
    tryRules(verdict, loadRules(target), reason);
    if (!checkOptions(verdict, request, target)) {
        reason = "there are no options to make an instance of";
        target.options = "{}";
    }
    tryRules(verdict, instanceRules(target), reason);
    tryRules(verdict, kindRules(target), reason);
    return verdict;
}

} // namespace patchbay::check
