// [control] ConfigDocument -> ConfigSnapshot, by acquiring what it names. Whatever goes wrong,
// letting go of what was acquired is the whole rollback (seed S28).
#pragma once

#include "router/config/config_snapshot.hpp"
#include "router/control/ailments.hpp"
#include "router/control/config_document.hpp"
#include "router/control/plan.hpp"
#include "router/control/provision.hpp"
#include "router/control/socket_client.hpp"
#include "router/control/spawner.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

namespace patchbay::control {

// What may fail without the whole configuration being refused. What lacks its module may anyway:
// config_document would have refused what may not.
struct Tolerance {
    bool listeners = false;
    bool applications = false;
    bool modules = false; // that do not set up a listener or a sink
    // These failed before and are not what this change is about.
    std::set<std::string> knownListeners;    // canonical
    std::set<std::string> knownApplications; // keys
    std::set<std::string> knownLeftOut;      // LeftOut::identity
};

// What a document has become. Nothing is in effect yet, and dropping it undoes everything.
struct Candidate {
    config::ConfigSnapshot content;
    std::unique_ptr<SocketClient::Batch> sockets; // commit() once the engines have switched
    Ailments ailments;                            // tolerated
    PlanBase base;
};

class SnapshotBuilder {
public:
    SnapshotBuilder(ControlLoop &loop, ModuleSource &modules, SocketClient &sockets,
                    Spawner &spawner);

    // What has no side effects, throws ConfigError. The result points into the document.
    std::vector<ResolvedListener> resolve(const ConfigDocument &document,
                                          const config::ConfigSnapshot *current,
                                          const Tolerance &tolerance, Ailments &ailments);

    // current: the configuration in effect, or null: then slow applications are not waited for
    // longer than a while. Throws ConfigError, Error. Waits inside the loop.
    Candidate build(const ConfigDocument &document, std::uint64_t generation,
                    const config::ConfigSnapshot *current, const Tolerance &tolerance);

private:
    using ByName = std::unordered_map<std::string, ApplicationPtr>;

    void openSockets(const ConfigDocument &document, const std::vector<ResolvedListener> &listeners,
                     const Tolerance &tolerance, Candidate &next);
    std::vector<std::shared_ptr<modules::SinkInstance>>
    acquireSinks(const ConfigDocument &document, const Tolerance &tolerance, Ailments &ailments);
    ByName acquireApplications(const ConfigDocument &document, const Tolerance &tolerance,
                               Ailments &ailments);
    void waitForFirstWorkers(const ByName &applications, const config::ConfigSnapshot *current);
    void judgeApplications(const ConfigDocument &document, ByName &applications,
                           const config::ConfigSnapshot *current, const Tolerance &tolerance,
                           Ailments &ailments);

    ControlLoop &loop_;
    ModuleSource &modules_;
    SocketClient &sockets_;
    Spawner &spawner_;
    ListenerPool listeners_;
    config::UsagePool<modules::SinkInstance> sinks_;
    // The last one of each name, for as long as a configuration uses it.
    std::unordered_map<std::string, std::weak_ptr<modules::SinkInstance>> lastSinks_;
};

} // namespace patchbay::control
