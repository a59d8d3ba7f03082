// [control] Checks a configuration and turns it into typed values: see config_document.hpp.
#include "router/control/config_document.hpp"

#include "ipc/layout.hpp"
#include "router/control/config_rules.hpp"
#include "router/control/core_schema.hpp"
#include "json/location.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

#include <algorithm>
#include <chrono>

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

ListenerConfig listenerConfig(const json::Member &member, const modules::Catalog &catalog)
{
    ListenerConfig listener;
    listener.address = member.name;
    listener.offset = member.nameOffset;
    listener.pointer = pointerTo("/listeners", member.name);
    listener.module = listenerModule(catalog, member.name);
    Value options = Value::object();
    for (const json::Member &option : member.value.members()) {
        if (!listenerSchema().declares(option.name)) {
            options.add(option.name, option.value);
        }
    }
    listener.options = json::writeCanonical(options);
    const Value *pass = member.value.find("pass"); // wins over the old spelling
    listener.applicationName = pass != nullptr ? passTarget(pass->text())
                                               : std::string(member.value.stringOf("application"));
    return listener;
}

ApplicationConfig applicationConfig(const json::Member &member, const modules::Catalog &catalog)
{
    const Value &value = member.value;
    ApplicationConfig application;
    application.name = member.name;
    application.offset = member.nameOffset;
    application.pointer = pointerTo("/applications", member.name);
    application.key = json::quote(member.name) + json::writeCanonical(value);
    application.runtime = catalog.findRuntime(value.stringOf("type"));
    application.language = application.runtime->name();
    application.encoder = catalog.find("encoder." + application.language);
    application.options = json::writeCompact(value);
    takeInteger(value, "processes", application.processes);
    takeInteger(value, "threads", application.threads);
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
    if (const Value *limits = value.find("limits")) {
        std::int64_t bytes = static_cast<std::int64_t>(application.shmBytes);
        takeInteger(*limits, "shm", bytes);
        application.shmBytes = static_cast<std::uint64_t>(std::clamp(bytes, kLeastShm, kMostShm));
    }
    return application;
}

void fill(ConfigDocument &document, const modules::Catalog &catalog, const ConfigDefaults &defaults)
{
    const Value *settings = document.root.find("settings");
    document.http = httpSettings(settings != nullptr ? settings->find("http") : nullptr, defaults);
    if (settings != nullptr && settings->find("listen_threads") != nullptr) {
        takeInteger(*settings, "listen_threads", document.listenThreads.emplace());
    }
    if (const Value *listeners = document.root.find("listeners")) {
        for (const json::Member &member : listeners->members()) {
            document.listeners.push_back(listenerConfig(member, catalog));
        }
    }
    if (const Value *applications = document.root.find("applications")) {
        for (const json::Member &member : applications->members()) {
            document.applications.push_back(applicationConfig(member, catalog));
        }
    }
}

} // namespace

ConfigError ConfigDocument::errorAt(ConfigError::Stage stage, std::string pointer,
                                    std::size_t offset, std::string detail) const
{
    json::Problem problem;
    problem.detail = std::move(detail);
    problem.pointer = std::move(pointer);
    problem.offset = offset;
    return {stage, source, text, {std::move(problem)}};
}

ConfigDocument parseConfiguration(std::string text, std::string source,
                                  const modules::Catalog &catalog, const ConfigDefaults &defaults)
{
    ConfigDocument document;
    document.source = std::move(source);
    document.text = std::move(text);
    try {
        document.root = json::read(document.text);
    } catch (const json::ReadError &error) {
        throw document.errorAt(ConfigError::Stage::syntax, "", error.offset(), error.what());
    }
    ConfigRules rules(document.root, catalog);
    std::vector<json::Problem> problems = rootSchema().validate(document.root, &rules);
    if (!problems.empty()) {
        throw ConfigError(ConfigError::Stage::validation, document.source, document.text,
                          std::move(problems));
    }
    fill(document, catalog, defaults);
    return document;
}

} // namespace patchbay::control
