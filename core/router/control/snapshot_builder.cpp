// [control] See snapshot_builder.hpp. Before: config_document; after: reconfigure.
#include "router/control/snapshot_builder.hpp"

#include "base/process_title.hpp"
#include "json/writer.hpp"

#include <sched.h>

#include <algorithm>
#include <unordered_set>

namespace patchbay::control {
namespace {

using Stage = ConfigError::Stage;

// At the start; then the server is up, and says which applications are still starting.
constexpr std::chrono::seconds kFirstPatience{30};

std::uint32_t engineCount(const ConfigDocument &document)
{
    if (document.listenThreads) {
        return std::min(*document.listenThreads, ipc::kMaxEngines);
    }
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    int count = ::sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    return std::clamp<std::uint32_t>(static_cast<std::uint32_t>(count), 1, ipc::kMaxEngines);
}

// control-api.md 8: what a program makes of a failed bind.
const char *bindCode(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "in_use";
    case EADDRNOTAVAIL:
        return "no_address";
    case EACCES:
    case EPERM:
        return "no_access";
    case EAFNOSUPPORT:
        return "no_ipv6";
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EISDIR:
        return "path";
    case EINVAL:
        return "port";
    default:
        return "system";
    }
}

ConfigError bindError(const ConfigDocument &document, const ListenerConfig &listener, int error)
{
    json::Value cause = json::Value::object();
    cause.add("listener", json::Value::string(listener.address));
    cause.add("code", json::Value::string(bindCode(error)));
    cause.add("errno", json::Value::string(errnoName(error)));
    cause.add("message", json::Value::string(errnoText(error)));
    return document.errorAt(Stage::apply, listener.pointer, listener.offset,
                            "Listener \"" + listener.address +
                                "\" cannot be opened: " + errnoText(error) + ".",
                            std::move(cause));
}

ConfigError startError(const ConfigDocument &document, const ApplicationConfig &application,
                       const std::string &failure, const std::string &output)
{
    bool ends = !failure.empty() && std::string_view(".!?").find(failure.back()) < 3;
    json::Value cause = json::Value::object();
    cause.add("application", json::Value::string(application.name));
    cause.add("output", json::Value::string(output));
    return document.errorAt(Stage::apply, application.pointer, application.offset,
                            "Application \"" + application.name +
                                "\" cannot be started: " + failure + (ends ? "" : "."),
                            std::move(cause));
}

// config: of a sink or an application, as `what` says; error: its module's.
template <typename Config>
ConfigError setUpError(const ConfigDocument &document, const Config &config, std::string what,
                       const modules::ModuleInfo &module, const Error &error)
{
    json::Value cause = json::Value::object();
    cause.add(what, json::Value::string(config.name));
    cause.add("module", json::Value::string(module.file));
    cause.add("message", json::Value::string(error.what()));
    what.front() = static_cast<char>(what.front() - 'a' + 'A');
    return document.errorAt(Stage::apply, config.pointer, config.offset,
                            what + " \"" + config.name + "\" cannot be set up: " + error.what(),
                            std::move(cause));
}

const char *kAdvice = " Install what it needs and reload, or remove it from the configuration.";

// config: of that kind; error: why its module, which is there, does not set it up.
template <typename Config>
LeftOut leftOut(LeftOut::Kind kind, const std::string &name, const Config &config,
                const std::string &error)
{
    const std::string &cause = config.lacking.empty() ? error : config.lacking;
    const bool ends = !cause.empty() && std::string_view(".!?)").find(cause.back()) < 4;
    LeftOut out;
    out.kind = kind;
    out.name = name;
    out.pointer = config.pointer;
    out.message = cause + (ends ? "" : ".") + kAdvice;
    out.identity = config.pointer + '\n' + config.options + '\n' + cause;
    out.passing = config.lacking.empty();
    return out;
}

// tolerated: whatever the reason.
bool mayBeLeftOut(const LeftOut &out, bool tolerated, const Tolerance &tolerance)
{
    return !out.passing || tolerated || tolerance.knownLeftOut.contains(out.identity);
}

using Known = std::unordered_set<const app::Application *>;

Known applicationsOf(const config::ConfigSnapshot *snapshot)
{
    Known known;
    if (snapshot != nullptr) {
        for (const ApplicationPtr &application : snapshot->applications) {
            known.insert(application.get());
        }
    }
    return known;
}

} // namespace

SnapshotBuilder::SnapshotBuilder(ControlLoop &loop, ModuleSource &modules, SocketClient &sockets,
                                 Spawner &spawner)
    : loop_(loop), modules_(modules), sockets_(sockets), spawner_(spawner)
{
}

// A listener without its module goes on with what is loaded, if it is open.
std::vector<ResolvedListener> SnapshotBuilder::resolve(const ConfigDocument &document,
                                                       const config::ConfigSnapshot *current,
                                                       const Tolerance &tolerance,
                                                       Ailments &ailments)
{
    checkSurroundings(document);
    return resolveListeners(document, modules_, listeners_,
                            [&](const ListenerConfig &config, const ConfigError &error) {
                                LeftOut out =
                                    leftOut(LeftOut::Kind::listener, config.address, config,
                                            error.entries().front().problem.detail);
                                if (!mayBeLeftOut(out, tolerance.modules, tolerance)) {
                                    throw error;
                                }
                                std::optional<ModuleSource::ListenerPtr> former;
                                if (current != nullptr) {
                                    for (const config::Listener &listener : current->listeners) {
                                        if (listener.address == config.address) {
                                            former = listener.module;
                                        }
                                    }
                                }
                                out.serves = former.has_value();
                                ailments.leftOut.push_back(std::move(out));
                                return former;
                            });
}

Candidate SnapshotBuilder::build(const ConfigDocument &document, std::uint64_t generation,
                                 const config::ConfigSnapshot *current, const Tolerance &tolerance)
{
    Candidate next;
    std::vector<ResolvedListener> listeners = resolve(document, current, tolerance, next.ailments);
    next.base = planBase(document, listeners);
    next.content.sinks = acquireSinks(document, tolerance, next.ailments);
    openSockets(document, listeners, tolerance, next); // before anything else changes (S25)
    ByName applications = acquireApplications(document, tolerance, next.ailments);
    waitForFirstWorkers(applications, current);
    judgeApplications(document, applications, current, tolerance, next.ailments);
    if (auto failure = next.sockets->displace()) {
        throw bindError(document, *listeners[failure->index].config, failure->error);
    }

    config::ConfigSnapshot &content = next.content;
    content.generation = generation;
    content.http = document.http;
    content.serverField = document.http.serverVersion ? product().software : product().name;
    content.engines = engineCount(document);
    for (std::size_t i = 0; i < listeners.size(); i++) {
        if (const SocketPtr &socket = next.sockets->sockets()[i]) {
            const ListenerConfig &listener = *listeners[i].config;
            content.listeners.push_back({listener.address, socket, listeners[i].module,
                                         applications.at(listener.applicationName),
                                         listener.targetIndex});
        }
    }
    for (const ApplicationConfig &application : document.applications) {
        content.applications.push_back(applications.at(application.name));
    }
    return next;
}

void SnapshotBuilder::openSockets(const ConfigDocument &document,
                                  const std::vector<ResolvedListener> &listeners,
                                  const Tolerance &tolerance, Candidate &next)
{
    std::vector<pb_socket_spec> specs;
    specs.reserve(listeners.size());
    for (const ResolvedListener &listener : listeners) {
        specs.push_back(listener.spec);
    }
    next.sockets = std::make_unique<SocketClient::Batch>(sockets_, std::move(specs));
    for (const SocketFailure &failure : next.sockets->open()) {
        const ResolvedListener &listener = listeners[failure.index];
        if (!tolerance.listeners && !tolerance.knownListeners.contains(listener.spec.canonical)) {
            throw bindError(document, *listener.config, failure.error);
        }
        next.ailments.listeners.push_back(
            {listener.config->address, listener.spec.canonical, failure.error});
    }
}

// A sink without its module goes on with what is loaded, if it is.
std::vector<std::shared_ptr<modules::SinkInstance>>
SnapshotBuilder::acquireSinks(const ConfigDocument &document, const Tolerance &tolerance,
                              Ailments &ailments)
{
    std::vector<std::shared_ptr<modules::SinkInstance>> sinks;
    const auto doWithout = [&](const SinkConfig &config, const char *error) {
        LeftOut out = leftOut(LeftOut::Kind::sink, config.name, config, error);
        if (!mayBeLeftOut(out, tolerance.modules, tolerance)) {
            return false;
        }
        std::shared_ptr<modules::SinkInstance> former = lastSinks_[config.name].lock();
        out.serves = former != nullptr;
        ailments.leftOut.push_back(std::move(out));
        if (former != nullptr) {
            sinks.push_back(std::move(former));
        }
        return true;
    };
    for (const SinkConfig &config : document.sinks) {
        if (!config.lacking.empty()) {
            doWithout(config, "");
            continue;
        }
        try {
            sinks.push_back(
                sinks_.acquire(json::quote(config.name) + config.module->stamp + config.options,
                               [&] { return modules_.makeSink(config); }));
            lastSinks_[config.name] = sinks.back();
        } catch (const Error &error) {
            if (!doWithout(config, error.what())) {
                throw setUpError(document, config, "sink", *config.module, error);
            }
        }
    }
    std::erase_if(lastSinks_, [](const auto &entry) { return entry.second.expired(); });
    return sinks;
}

// One without its module is represented by one that answers 503.
SnapshotBuilder::ByName SnapshotBuilder::acquireApplications(const ConfigDocument &document,
                                                             const Tolerance &tolerance,
                                                             Ailments &ailments)
{
    ByName applications;
    const auto doWithout = [&](const ApplicationConfig &config, const char *error) {
        LeftOut out = leftOut(LeftOut::Kind::application, config.name, config, error);
        if (!mayBeLeftOut(out, tolerance.applications, tolerance)) {
            return false;
        }
        applications[config.name] =
            spawner_.acquire(makeUnavailable(config, out.message), [] { return nullptr; });
        ailments.leftOut.push_back(std::move(out));
        return true;
    };
    for (const ApplicationConfig &config : document.applications) {
        if (!config.lacking.empty()) {
            doWithout(config, "");
            continue;
        }
        try {
            applications[config.name] =
                spawner_.acquire(makePlan(config, config.runtime->file),
                                 [&] { return modules_.makeEncoder(config); });
        } catch (const Error &error) {
            if (!doWithout(config, error.what())) {
                throw setUpError(document, config, "application", *config.encoder, error);
            }
        }
    }
    return applications;
}

// Those that this configuration brings. Workers start side by side. A change waits for as long as a
// start takes (P24), the first configuration for a while only: requests wait for their application.
void SnapshotBuilder::waitForFirstWorkers(const ByName &applications,
                                          const config::ConfigSnapshot *current)
{
    Known known = applicationsOf(current);
    std::vector<ApplicationPtr> undecided;
    for (const auto &[name, application] : applications) {
        if (!known.contains(application.get())) {
            undecided.push_back(application);
        }
    }
    auto decided = [&] {
        while (!undecided.empty() && spawner_.settled(*undecided.back())) {
            undecided.pop_back();
        }
        return undecided.empty();
    };
    std::optional<ControlLoop::Clock::time_point> deadline;
    if (current == nullptr) {
        deadline = ControlLoop::Clock::now() + kFirstPatience;
    }
    if (!loop_.runUntil(decided, deadline) && loop_.interrupted()) {
        throw Stopping();
    }
}

// An application whose new version cannot start keeps its old one, if that may be.
void SnapshotBuilder::judgeApplications(const ConfigDocument &document, ByName &applications,
                                        const config::ConfigSnapshot *current,
                                        const Tolerance &tolerance, Ailments &ailments)
{
    Known known = applicationsOf(current);
    ByName former;
    if (current != nullptr) {
        for (const ApplicationPtr &application : current->applications) {
            if (!spawner_.isUnavailable(*application)) {
                former.emplace(application->name(), application);
            }
        }
    }
    for (const ApplicationConfig &config : document.applications) {
        ApplicationPtr &application = applications.at(config.name);
        const std::optional<std::string> failure = spawner_.failure(*application);
        if (!failure) {
            continue;
        }
        if (known.contains(application.get())) {
            ailments.failing.push_back(config.name);
            continue;
        }
        if (!tolerance.applications &&
            !tolerance.knownApplications.contains(application->key().str())) {
            std::optional<AppReport> report = spawner_.report(*application);
            throw startError(document, config, *failure, report ? report->output : std::string());
        }
        auto old = former.find(config.name);
        if (old != former.end()) {
            ailments.applications.push_back({application, *failure});
            application = old->second;
            for (LeftOut &out : ailments.leftOut) {
                out.serves = out.serves || out.pointer == config.pointer;
            }
        } else {
            ailments.failing.push_back(config.name);
        }
    }
}

} // namespace patchbay::control
