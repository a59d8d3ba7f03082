// [control] Checks a configuration and turns it into typed values: see config_document.hpp.
#include "router/control/config_document.hpp"

#include "ipc/layout.hpp"
#include "router/control/core_schema.hpp"
#include "router/control/isolation_config.hpp"
#include "router/control/pass_target.hpp"
#include "json/location.hpp"
#include "json/merge.hpp"
#include "json/reader.hpp"
#include "json/units.hpp"
#include "json/writer.hpp"

#include <algorithm>
#include <chrono>
#include <map>

namespace patchbay::control {

namespace {

using json::Value;

// What a WorkerSegment can hold (layout.hpp), and the least that lets one answer stream.
constexpr std::int64_t kMostShm = std::int64_t{2048} * 64 * ipc::kUnit;
constexpr std::int64_t kLeastShm = std::int64_t{2} * ipc::kReplyWindow;

// Fields of a checked document: absent leaves the default alone, present has the right type.

void takeSeconds(const Value &object, std::string_view name, std::chrono::milliseconds &out)
{
    if (const Value *value = object.find(name)) {
        out = std::chrono::seconds(value->asInteger()); // at most 2147483647: fits
    }
}

template <typename Integer>
void takeInteger(const Value &object, std::string_view name, Integer &out)
{
    const Value *value = object.find(name);
    if (value != nullptr && value->isInteger()) { // "threads" is what its module says it is
        out = static_cast<Integer>(value->asInteger());
    }
}

void takeBool(const Value &object, std::string_view name, bool &out)
{
    if (const Value *value = object.find(name)) {
        out = value->asBool();
    }
}

void takeString(const Value &object, std::string_view name, std::string &out)
{
    if (const Value *value = object.find(name)) {
        out = value->text();
    }
}

http::Settings httpSettings(const Value *http, const ConfigDefaults &defaults)
{
    http::Settings settings;
    settings.bodyTempPath = defaults.tmpDir;
    settings.chunkedTransform = !defaults.asUnit;
    if (http == nullptr) {
        return settings;
    }
    takeSeconds(*http, "header_read_timeout", settings.headerReadTimeout);
    takeSeconds(*http, "body_read_timeout", settings.bodyReadTimeout);
    takeSeconds(*http, "send_timeout", settings.sendTimeout);
    takeSeconds(*http, "idle_timeout", settings.idleTimeout);
    takeInteger(*http, "max_body_size", settings.maxBodySize);
    takeInteger(*http, "body_buffer_size", settings.bodyBufferSize);
    takeString(*http, "body_temp_path", settings.bodyTempPath);
    takeInteger(*http, "large_header_buffer_size", settings.largeHeaderBufferSize);
    takeInteger(*http, "large_header_buffers", settings.largeHeaderBuffers);
    takeBool(*http, "discard_unsafe_fields", settings.discardUnsafeFields);
    takeBool(*http, "server_version", settings.serverVersion);
    takeBool(*http, "chunked_transform", settings.chunkedTransform);
    return settings;
}

std::string pointerTo(std::string_view parent, std::string_view name)
{
    std::string pointer(parent);
    json::appendPointer(pointer, name);
    return pointer;
}

// Modules get an application's options as canonical JSON and number its targets as they come there,
// so that the number does not change with the order in which somebody writes them.
std::uint32_t targetIndex(const Value &application, std::string_view target)
{
    const Value *targets = application.find("targets");
    if (targets == nullptr || targets->members().empty()) {
        return 0;
    }
    const std::string_view name = target.empty() ? targets->members().front().name : target;
    return static_cast<std::uint32_t>(
        std::count_if(targets->members().begin(), targets->members().end(),
                      [&](const json::Member &other) { return other.name < name; }));
}

using Lacking = std::map<std::string, std::string>; // ConfigRules::lacking()

std::string lackOf(const std::string &pointer, const Lacking &lacking)
{
    auto found = lacking.find(pointer);
    return found != lacking.end() ? found->second : std::string();
}

ListenerConfig listenerConfig(const json::Member &member, const Value &applications,
                              const modules::Catalog &catalog, const Lacking &lacking)
{
    ListenerConfig listener;
    listener.address = member.name;
    listener.offset = member.nameOffset;
    listener.pointer = pointerTo("/listeners", member.name);
    listener.module = listenerModule(catalog, member.name);
    listener.lacking = lackOf(listener.pointer, lacking);
    Value options = Value::object();
    for (const json::Member &option : member.value.members()) {
        if (!listenerSchema().declares(option.name)) {
            options.add(option.name, option.value);
        }
    }
    listener.options = json::writeCanonical(options);
    const Value *pass = member.value.find("pass"); // wins over the old spelling
    if (pass != nullptr) {
        PassTarget to = passTarget(pass->text());
        listener.applicationName = std::move(to.application);
        listener.target = std::move(to.target);
    } else {
        listener.applicationName = member.value.stringOf("application");
    }
    listener.targetIndex =
        targetIndex(*applications.find(listener.applicationName), listener.target);
    return listener;
}

void takeProcesses(const Value *processes, Scale &scale)
{
    if (processes == nullptr) {
        return;
    }
    if (!processes->isObject()) {
        scale.max = static_cast<std::uint32_t>(processes->asInteger());
        scale.spare = scale.max;
        return;
    }
    scale.spare = 0;
    takeInteger(*processes, "spare", scale.spare);
    takeInteger(*processes, "max", scale.max);
    if (const Value *timeout = processes->find("idle_timeout")) {
        scale.idleTimeout = std::chrono::seconds(timeout->asInteger());
    }
}

void takeLimits(const Value &limits, ApplicationConfig &application)
{
    auto bytes = static_cast<std::int64_t>(application.shmBytes);
    takeInteger(limits, "shm", bytes);
    application.shmBytes = static_cast<std::uint64_t>(std::clamp(bytes, kLeastShm, kMostShm));
    takeInteger(limits, "requests", application.requestLimit);
    if (limits.find("start_timeout") != nullptr) {
        takeSeconds(limits, "start_timeout", application.startLimit.emplace());
    }
    takeSeconds(limits, "timeout", application.limits.answer);
    if (const Value *queue = limits.find("queue")) {
        takeInteger(*queue, "size", application.limits.queueLength);
        takeSeconds(*queue, "timeout", application.limits.queue);
    }
}

// Its modules. Returns what they make of its identity.
std::string takeModules(ApplicationConfig &application, const Value &value,
                        const modules::Catalog &catalog, const Lacking &lacking)
{
    application.lacking = lackOf(application.pointer, lacking);
    if (!application.lacking.empty()) {
        return "\nlacking " + application.lacking;
    }
    application.runtime = catalog.findRuntime(value.stringOf("type"));
    application.language = application.runtime->name();
    application.encoder = catalog.find("encoder." + application.language);
    return "\nmodules " + application.runtime->stamp + " " + application.encoder->stamp;
}

ApplicationConfig applicationConfig(const json::Member &member, const modules::Catalog &catalog,
                                    const Lacking &lacking)
{
    const Value &value = member.value;
    ApplicationConfig application;
    application.name = member.name;
    application.offset = member.nameOffset;
    application.pointer = pointerTo("/applications", member.name);
    application.options = json::writeCanonical(value);
    application.key = json::quote(member.name) + application.options +
                      takeModules(application, value, catalog, lacking);
    takeProcesses(value.find("processes"), application.scale);
    takeInteger(value, "threads", application.threads);
    takeInteger(value, "thread_stack_size", application.threadStackBytes);
    takeString(value, "user", application.user);
    takeString(value, "group", application.group);
    takeString(value, "working_directory", application.workingDirectory);
    takeString(value, "stdout", application.stdoutPath);
    takeString(value, "stderr", application.stderrPath);
    if (const Value *environment = value.find("environment")) {
        for (const json::Member &variable : environment->members()) {
            application.environment.emplace_back(variable.name, variable.value.text());
        }
    }
    if (const Value *isolation = value.find("isolation")) {
        application.isolation = isolationOf(*isolation);
    }
    if (const Value *limits = value.find("limits")) {
        takeLimits(*limits, application);
    }
    if (application.scale.elastic()) {
        application.limits.spareSeats = application.scale.spare * application.threads;
    }
    return application;
}

void takeSettings(ConfigDocument &document, const Value &settings)
{
    if (settings.find("listen_threads") != nullptr) {
        takeInteger(settings, "listen_threads", document.listenThreads.emplace());
    }
    takeSeconds(settings, "drain_timeout", document.drainTimeout);
    if (const Value *control = settings.find("control")) {
        takeInteger(*control, "history", document.versionsKept);
        document.apiMayEdit = control->stringOf("edits") == "allow";
    }
}

void fill(ConfigDocument &document, const CheckContext &context, const Lacking &lacking)
{
    const modules::Catalog &catalog = context.catalog;
    const Value *settings = document.root.find("settings");
    document.http =
        httpSettings(settings != nullptr ? settings->find("http") : nullptr, context.defaults);
    if (settings != nullptr) {
        takeSettings(document, *settings);
    }
    const Value *applications = document.root.find("applications");
    if (const Value *listeners = document.root.find("listeners")) {
        for (const json::Member &member : listeners->members()) {
            // A valid listener names an application.
            document.listeners.push_back(listenerConfig(member, *applications, catalog, lacking));
        }
    }
    if (const Value *sinks = document.root.find("sinks")) {
        for (const json::Member &member : sinks->members()) {
            const std::string pointer = pointerTo("/sinks", member.name);
            document.sinks.push_back(
                {member.name, member.nameOffset, pointer,
                 catalog.find("sink." + std::string(member.value.stringOf("type"))),
                 json::writeCanonical(member.value), lackOf(pointer, lacking)});
        }
    }
    if (applications != nullptr) {
        document.applications.reserve(applications->members().size());
        for (const json::Member &member : applications->members()) {
            document.applications.push_back(applicationConfig(member, catalog, lacking));
        }
    }
}

Value readOne(const ConfigSources::Text &text, const ConfigSources &sources)
{
    json::Problem problem;
    try {
        Value root = json::read(text.text, {}, text.base);
        if (root.isObject()) {
            return root;
        }
        problem.detail = "The configuration must be an object, but not ";
        problem.detail += json::kindName(root.kind());
        problem.detail += '.';
        problem.offset = root.offset();
    } catch (const json::ReadError &error) {
        problem.detail = error.what();
        problem.offset = text.base + error.offset();
        throw ConfigError(ConfigError::Stage::syntax, sources, {std::move(problem)});
    }
    throw ConfigError(ConfigError::Stage::validation, sources, {std::move(problem)});
}

// Both places are named: the person who looks knows which of the files is right.
ConfigError declaredTwice(const json::MergeConflict &conflict, const ConfigSources &sources)
{
    std::vector<json::Problem> problems(2);
    auto nameAt = [&](std::size_t offset) {
        auto place = sources.find(offset);
        return place ? std::string(place->source) : std::string();
    };
    problems[0].detail =
        "It is declared in \"" + nameAt(conflict.first) + "\" already; every value has one place.";
    problems[0].offset = conflict.second;
    problems[1].detail = "It is declared in \"" + nameAt(conflict.second) + "\", too.";
    problems[1].offset = conflict.first;
    for (json::Problem &problem : problems) {
        problem.pointer = conflict.pointer;
    }
    return {ConfigError::Stage::validation, sources, std::move(problems)};
}

} // namespace

ConfigError ConfigDocument::errorAt(ConfigError::Stage stage, std::string pointer,
                                    std::size_t offset, std::string detail, Value cause) const
{
    json::Problem problem;
    problem.detail = std::move(detail);
    problem.pointer = std::move(pointer);
    problem.offset = offset;
    return {stage, *declared.sources, {std::move(problem)}, std::move(cause)};
}

void ConfigDocument::forgetParts()
{
    listeners = std::vector<ListenerConfig>(); // "= {}" would keep the memory
    applications = std::vector<ApplicationConfig>();
    sinks = std::vector<SinkConfig>();
}

DeclaredConfig declare(Value root)
{
    return {std::move(root), std::make_shared<ConfigSources>()};
}

DeclaredConfig readConfiguration(std::vector<ipc::NamedText> texts)
{
    auto sources = std::make_shared<ConfigSources>();
    for (ipc::NamedText &text : texts) {
        sources->add(std::move(text.name), std::move(text.text));
    }
    DeclaredConfig declared;
    declared.root = Value::object();
    for (const ConfigSources::Text &text : sources->all()) {
        Value root = readOne(text, *sources);
        if (auto conflict = json::mergeInto(declared.root, std::move(root))) {
            throw declaredTwice(*conflict, *sources);
        }
    }
    declared.sources = std::move(sources);
    return declared;
}

ConfigDocument checkConfiguration(DeclaredConfig declared, const CheckContext &context)
{
    ConfigDocument document;
    document.declared = std::move(declared);
    document.root = document.declared.root;
    std::vector<json::Problem> problems;
    if (context.references != nullptr) {
        problems = json::expand(document.root, *context.references);
    }
    // The rules look names up in what they were made with, so not before it is expanded.
    ConfigRules rules(document.root, context.catalog, context.mayLack);
    if (problems.empty()) {
        json::convertUnits(document.root, rootSchema(), &rules);
        problems = rootSchema().validate(document.root, &rules);
    }
    if (!problems.empty()) {
        throw ConfigError(ConfigError::Stage::validation, *document.declared.sources,
                          std::move(problems));
    }
    fill(document, context, rules.lacking());
    std::erase_if(document.root.members(),
                  [](const json::Member &member) { return member.name == "applications"; });
    return document;
}

} // namespace patchbay::control
