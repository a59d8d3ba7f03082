// [control] Rules that no schema can say: see config_rules.hpp.
#include "router/control/config_rules.hpp"

#include "base/error.hpp"
#include "ipc/layout.hpp"
#include "patchbay/abi.h"
#include "router/control/core_schema.hpp"
#include "router/control/isolation_config.hpp"
#include "router/control/pass_target.hpp"
#include "router/control/process_rules.hpp"
#include "json/location.hpp"
#include "json/nearest.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>

namespace patchbay::control {

namespace {

using json::Report;
using json::Value;

constexpr std::size_t kMaxTargets = 254; // of one application

std::string quoted(std::string_view before, std::string_view name, std::string_view after)
{
    return std::string(before).append("\"").append(name).append("\"").append(after);
}

std::string_view afterFirstSlash(std::string_view text)
{
    const std::size_t slash = text.find('/');
    return slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
}

// "python" of "python 3.11.2".
std::vector<std::string> languagesOf(const std::vector<std::string> &types)
{
    std::vector<std::string> languages;
    languages.reserve(types.size());
    for (const std::string &type : types) {
        languages.push_back(type.substr(0, type.find(' ')));
    }
    return languages;
}

void checkListenThreads(const Value &value, Report &report)
{
    if (value.asInteger() > std::int64_t{ipc::kMaxEngines}) {
        const std::string most = std::to_string(ipc::kMaxEngines);
        report
            .add("The \"listen_threads\" number must not exceed " + most +
                     ", the most router threads there can be.",
                 value.offset())
            .allowed = "{\"minimum\":1,\"maximum\":" + most + "}";
    }
}

void checkDirectory(std::string_view name, const Value &value, Report &report)
{
    struct stat status {};
    std::string cause;
    if (::stat(value.text().c_str(), &status) != 0) {
        cause = errnoText(errno);
    } else if (!S_ISDIR(status.st_mode)) {
        cause = errnoText(ENOTDIR);
    } else if (::access(value.text().c_str(), W_OK | X_OK) != 0) {
        cause = errnoText(errno); // for the user the router runs as
    } else {
        return;
    }
    report.add(quoted("The ", name, quoted(" directory ", value.text(), " cannot be used: ")) +
                   cause + ".",
               value.offset());
}

// Only when the listener has no other problem: with a mistyped "pas" that is the error.
void checkListener(const Value &listener, Report &report)
{
    if (listener.find("pass") == nullptr && listener.find("application") == nullptr) {
        report.add("Required parameter \"pass\" is missing.", listener.offset());
    }
}

std::vector<std::string> firstOf(std::vector<std::string> names)
{
    if (names.size() > json::kMaxKnown) {
        names.resize(json::kMaxKnown);
    }
    return names;
}

// The names lead from listeners to them; a module's schema says what each may have.
void checkTargets(const Value &targets, Report &report)
{
    const auto fault = [&](std::string_view name, std::string detail, std::size_t offset) {
        const std::size_t here = report.pointer().size();
        report.enter("targets");
        report.addAt(name, std::move(detail), offset);
        report.leave(here);
    };
    if (targets.members().size() > kMaxTargets) {
        report.addAt("targets",
                     "The \"targets\" object must not contain more than " +
                         std::to_string(kMaxTargets) + " members.",
                     targets.offset());
    }
    for (const json::Member &target : targets.members()) {
        if (target.name.empty()) {
            fault(target.name, "The target name must not be empty.", target.nameOffset);
        } else if (!target.value.isObject()) {
            fault(target.name, quoted("The ", target.name, " target must be an object."),
                  target.value.offset());
        }
    }
}

// "unix:/run/a.sock", "tls:0.0.0.0:443": a word, and behind the colon no port.
bool hasScheme(std::string_view address, std::size_t colon)
{
    const std::string_view word = address.substr(0, colon);
    return std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; }) &&
           address.find_first_of("/@:", colon + 1) != std::string_view::npos;
}

// Every Unit configuration has the member, most of them empty.
void checkRoutes(const Value &value, Report &report)
{
    if (!value.items().empty() || !value.members().empty()) {
        report.add("Patchbay is built without the \"routes\" option support.", value.offset());
    }
}

} // namespace

const modules::ModuleInfo *listenerModule(const modules::Catalog &catalog, std::string_view address)
{
    const std::size_t colon = address.find(':');
    if (colon != std::string_view::npos && colon > 0) {
        const std::string id = "listener." + std::string(address.substr(0, colon));
        if (const modules::ModuleInfo *module = catalog.find(id)) {
            return module;
        }
        if (hasScheme(address, colon)) {
            return nullptr;
        }
    }
    return catalog.find("listener.tcp");
}

ConfigRules::ConfigRules(const Value &root, const modules::Catalog &catalog, MayLack mayLack)
    : catalog_(catalog), mayLack_(std::move(mayLack))
{
    if (const Value *applications = root.find("applications")) {
        for (const json::Member &member : applications->members()) {
            order_.push_back(member.name);
            applications_.emplace(member.name, &member.value);
        }
    }
}

const json::Schema *ConfigRules::compose(const json::Schema &core,
                                         const modules::ModuleInfo &module)
{
    const auto found = composed_.find(&module);
    if (found != composed_.end()) {
        return &found->second;
    }
    try {
        json::Schema schema = core.merged(json::Schema(module.schema));
        return &composed_.emplace(&module, std::move(schema)).first->second;
    } catch (const Error &error) {
        throw Error("module \"" + module.file + "\": " + error.what());
    }
}

// Packages are called after the name in "type" (packaging/debian/control).
std::string packageHint(const std::string &language)
{
    const bool plain =
        !language.empty() &&
        std::all_of(language.begin(), language.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    return plain ? "is the package \"patchbay-" + language + "\" installed?" : std::string();
}

// The module that `problem` speaks of is missing: that is one, unless it may be.
const json::Schema *ConfigRules::lacks(std::string_view section, std::string_view name,
                                       const json::Schema &core, json::Problem problem,
                                       Report &report)
{
    if (!mayLack_ || !mayLack_(section, name)) {
        json::Problem &added = report.add(problem.detail, problem.offset);
        added = std::move(problem);
        return nullptr;
    }
    std::string pointer = "/" + std::string(section);
    json::appendPointer(pointer, name);
    lacking_[pointer] =
        problem.detail + (problem.reason.empty() ? "" : " (" + problem.reason + ")");
    return &core;
}

const json::Schema *ConfigRules::listener(std::string_view address, const Value &value,
                                          Report &report)
{
    if (const modules::ModuleInfo *module = listenerModule(catalog_, address)) {
        return compose(listenerSchema(), *module);
    }
    json::Problem problem;
    problem.detail = quoted("The module to open the listener ", address,
                            " is not found among the available listener modules.");
    problem.pointer = report.pointer();
    problem.offset = value.offset();
    return lacks("listeners", address, listenerSchema(), std::move(problem), report);
}

json::Problem ConfigRules::noRuntime(const Value &type) const
{
    json::Problem problem;
    problem.detail = quoted("The module to run ", type.text(),
                            " is not found among the available application modules.");
    problem.known = firstOf(catalog_.runtimeTypes());
    problem.reason = catalog_.unusableRuntimes(type.text());
    // For a wrong version the list says more than a suggestion could.
    const std::vector<std::string> languages = languagesOf(problem.known);
    const std::string language(modules::languageOf(type.text()));
    if (std::find(languages.begin(), languages.end(), language) == languages.end()) {
        problem.suggestion = json::nearest(language, languages);
        if (problem.suggestion.empty() && problem.reason.empty()) {
            problem.reason = packageHint(language);
        }
    }
    return problem;
}

const json::Schema *ConfigRules::application(std::string_view name, const Value &value,
                                             Report &report)
{
    const Value *type = value.find("type");
    if (type == nullptr) {
        report.add("Application must have the \"type\" property set.", value.offset()).known =
            firstOf(catalog_.runtimeTypes());
        return nullptr;
    }
    if (!type->isString()) {
        report.addAt("type",
                     "The \"type\" value must be a string, but not " +
                         std::string(json::kindName(type->kind())) + ".",
                     type->offset());
        return nullptr;
    }
    const modules::ModuleInfo *runtime = catalog_.findRuntime(type->text());
    const bool encoder =
        runtime != nullptr && catalog_.find("encoder." + std::string(runtime->name())) != nullptr;
    if (!encoder) {
        json::Problem problem;
        if (runtime == nullptr) {
            problem = noRuntime(*type);
        } else {
            problem.detail = quoted("The module to encode requests for ", runtime->name(),
                                    " is not found among the available encoder modules.");
        }
        problem.pointer = report.pointer() + "/type";
        problem.offset = type->offset();
        return lacks("applications", name, applicationSchema(), std::move(problem), report);
    }
    const json::Schema *schema = compose(applicationSchema(), *runtime);
    const Value *targets = value.find("targets");
    return targets != nullptr && targets->isObject() ? withTargets(*schema, *runtime, value, report)
                                                     : schema;
}

// What a target can say for itself is not said for the whole application (config.md 5.1).
const json::Schema *ConfigRules::withTargets(const json::Schema &schema,
                                             const modules::ModuleInfo &module,
                                             const Value &application, Report &report)
{
    const std::vector<std::string> options = schema.optionsBelow("targets");
    if (options.empty()) {
        return &schema; // it has none, and says so
    }
    const std::size_t before = report.size();
    for (const std::string &option : options) {
        if (const Value *value = application.find(option)) {
            report.addAt(option,
                         quoted("The ", option,
                                " option is mutually exclusive with the \"targets\" object."),
                         value->offset());
        }
    }
    checkTargets(*application.find("targets"), report);
    if (report.size() != before) {
        return nullptr;
    }
    auto known = targeted_.find(&module);
    if (known == targeted_.end()) {
        known = targeted_.emplace(&module, schema.without(options)).first;
    }
    return &known->second;
}

const json::Schema *ConfigRules::sink(std::string_view name, const Value &value, Report &report)
{
    constexpr std::string_view kKind = "sink.";
    std::vector<std::string> known;
    for (const modules::ModuleInfo &module : catalog_.modules) {
        if (module.kind == PB_KIND_SINK) {
            known.emplace_back(module.name());
        }
    }
    const Value *type = value.find("type");
    if (type == nullptr || !type->isString()) {
        report
            .add("Sink must have the \"type\" property set to the name of its module.",
                 type != nullptr ? type->offset() : value.offset())
            .known = firstOf(std::move(known));
        return nullptr;
    }
    const modules::ModuleInfo *module = catalog_.find(std::string(kKind) + type->text());
    if (module != nullptr) {
        return compose(sinkSchema(), *module);
    }
    json::Problem problem;
    problem.detail = quoted("The module of the sink ", type->text(),
                            " is not found among the available sink modules.");
    problem.pointer = report.pointer() + "/type";
    problem.offset = type->offset();
    problem.suggestion = json::nearest(type->text(), known);
    problem.known = firstOf(std::move(known));
    return lacks("sinks", name, sinkSchema(), std::move(problem), report);
}

const json::Schema *ConfigRules::select(std::string_view choice, std::string_view name,
                                        const Value &value, Report &report)
{
    if (choice == "listener") {
        return listener(name, value, report);
    }
    return choice == "sink" ? sink(name, value, report) : application(name, value, report);
}

void ConfigRules::invalidLocation(const Value &value, Report &report) const
{
    json::Problem &problem = report.add(
        quoted("Request \"pass\" points to invalid location ", value.text(), "."), value.offset());
    std::vector<std::string> known;
    known.reserve(order_.size());
    for (const std::string &name : order_) {
        known.push_back(passFor(name));
        if (const Value *targets = applications_.at(name)->find("targets")) {
            for (const json::Member &target : targets->members()) {
                known.push_back(passFor(name, target.name));
            }
        }
    }
    // applications/x/y where the name is "x/y".
    const std::string_view name = afterFirstSlash(value.text());
    problem.suggestion = applications_.contains(std::string(name))
                             ? passFor(name)
                             : json::nearest(value.text(), known);
    problem.known = firstOf(std::move(known));
}

bool ConfigRules::leadsSomewhere(const std::vector<std::string> &parts) const
{
    const auto application = parts.size() < 2 ? applications_.end() : applications_.find(parts[1]);
    if (application == applications_.end()) {
        return false;
    }
    const Value *targets = application->second->find("targets");
    return parts.size() == 2 || (targets != nullptr && targets->find(parts[2]) != nullptr);
}

void ConfigRules::pass(const Value &value, Report &report) const
{
    if (value.text().find('$') != std::string::npos) {
        report.add("Patchbay is built without support of variables in the \"pass\" value.",
                   value.offset());
        return;
    }
    const std::vector<std::string> parts = passParts(value.text());
    if (parts.empty()) {
        report.add(quoted("Request \"pass\" value ", value.text(), " is invalid."), value.offset());
    } else if (parts[0] == "routes" || parts[0] == "upstreams") {
        report.add(quoted("Patchbay is built without the ", parts[0], " option support."),
                   value.offset());
    } else if (parts[0] != "applications" || !leadsSomewhere(parts)) {
        invalidLocation(value, report);
    }
}

void ConfigRules::oldApplication(const Value &value, Report &report) const
{
    if (applications_.contains(value.text())) {
        return;
    }
    json::Problem &problem = report.add(
        quoted("Listening socket is assigned for a non existing application ", value.text(), "."),
        value.offset());
    problem.suggestion = json::nearest(value.text(), order_);
    problem.known = firstOf(order_);
}

void ConfigRules::check(std::string_view rule, std::string_view name, const Value &value,
                        Report &report)
{
    if (rule == "pass") {
        pass(value, report);
    } else if (rule == "application") {
        oldApplication(value, report);
    } else if (rule == "listener") {
        checkListener(value, report);
    } else if (rule == "environment") {
        checkEnvironment(value, report);
    } else if (rule == "processes") {
        checkProcesses(value, report);
    } else if (rule == "seats") {
        checkSeats(value, report);
        checkThreadStack(value, report);
    } else if (rule == "listen_threads") {
        checkListenThreads(value, report);
    } else if (rule == "directory") {
        checkDirectory(name, value, report);
    } else if (rule == "routes") {
        checkRoutes(value, report);
    } else if (rule == "isolation") {
        checkIsolation(value, report);
    } else if (rule == "rootfs") {
        checkRootfs(value, report);
    } else if (rule == "cgroup_path") {
        checkCgroupPath(value, report);
    }
}

} // namespace patchbay::control
