// [control] See snapshot_builder.hpp. Before: config_document; after: reconfigure.
#include "router/control/snapshot_builder.hpp"

#include "base/process_title.hpp"

#include <sched.h>

#include <algorithm>

namespace patchbay::control {
namespace {

using Stage = ConfigError::Stage;

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

bool names(const config::ConfigSnapshot &snapshot, const ApplicationPtr &application)
{
    return std::find(snapshot.applications.begin(), snapshot.applications.end(), application) !=
           snapshot.applications.end();
}

} // namespace

SnapshotBuilder::SnapshotBuilder(ControlLoop &loop, ModuleSource &modules, SocketClient &sockets,
                                 Spawner &spawner)
    : loop_(loop), modules_(modules), sockets_(sockets), spawner_(spawner)
{
}

Candidate SnapshotBuilder::build(const ConfigDocument &document, std::uint64_t generation,
                                 const config::ConfigSnapshot *current)
{
    checkSurroundings(document);
    std::vector<ResolvedListener> listeners = resolveListeners(document, modules_, listeners_);
    std::vector<pb_socket_spec> specs;
    for (const ResolvedListener &listener : listeners) {
        specs.push_back(listener.spec);
    }

    Candidate next;
    next.sockets = std::make_unique<SocketClient::Batch>(sockets_, std::move(specs));
    ByName applications;
    try {
        next.sockets->open(); // before anything else changes (S25)
        applications = acquireApplications(document);
        waitForFirstWorkers(document, applications, current);
        next.sockets->displace();
    } catch (const SocketError &error) {
        const ListenerConfig &listener = *listeners[error.index()].config;
        throw document.errorAt(Stage::apply, listener.pointer, listener.offset,
                               "Listener \"" + listener.address +
                                   "\" cannot be opened: " + errnoText(error.number()) + ".");
    }

    config::ConfigSnapshot &content = next.content;
    content.generation = generation;
    content.http = document.http;
    content.serverField = document.http.serverVersion ? product().software : product().name;
    content.engines = engineCount(document);
    for (std::size_t i = 0; i < listeners.size(); i++) {
        const ListenerConfig &listener = *listeners[i].config;
        content.listeners.push_back({listener.address, next.sockets->sockets()[i],
                                     listeners[i].module,
                                     applications.at(listener.applicationName)});
    }
    for (const ApplicationConfig &application : document.applications) {
        content.applications.push_back(applications.at(application.name));
    }
    return next;
}

SnapshotBuilder::ByName SnapshotBuilder::acquireApplications(const ConfigDocument &document)
{
    ByName applications;
    for (const ApplicationConfig &config : document.applications) {
        try {
            applications[config.name] =
                spawner_.acquire(makePlan(config, config.runtime->file),
                                 [&] { return modules_.makeEncoder(config); });
        } catch (const ConfigError &) {
            throw;
        } catch (const Error &error) {
            throw document.errorAt(Stage::apply, config.pointer, config.offset,
                                   "Application \"" + config.name +
                                       "\" cannot be set up: " + error.what());
        }
    }
    return applications;
}

// Those that this configuration brings. Workers start side by side; there is no time limit (P24).
void SnapshotBuilder::waitForFirstWorkers(const ConfigDocument &document,
                                          const ByName &applications,
                                          const config::ConfigSnapshot *current)
{
    auto isNew = [&](const ApplicationPtr &application) {
        return current == nullptr || !names(*current, application);
    };
    auto decided = [&](const auto &entry) {
        return !isNew(entry.second) || spawner_.settled(*entry.second);
    };
    if (!loop_.runUntil(
            [&] { return std::all_of(applications.begin(), applications.end(), decided); })) {
        throw Error("The router is stopping.");
    }
    if (current == nullptr) {
        return; // each failure is in the log, and is retried
    }
    for (const ApplicationConfig &config : document.applications) {
        const ApplicationPtr &application = applications.at(config.name);
        if (!isNew(application)) {
            continue;
        }
        if (auto failure = spawner_.failure(*application)) {
            throw document.errorAt(Stage::apply, config.pointer, config.offset,
                                   "Application \"" + config.name +
                                       "\" cannot be started: " + *failure);
        }
    }
}

} // namespace patchbay::control
