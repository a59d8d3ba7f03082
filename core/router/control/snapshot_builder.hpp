// [control] ConfigDocument -> ConfigSnapshot, by acquiring what it names. Whatever goes wrong,
// letting go of what was acquired is the whole rollback (seed S28).
#pragma once

#include "router/config/config_snapshot.hpp"
#include "router/control/config_document.hpp"
#include "router/control/provision.hpp"
#include "router/control/socket_client.hpp"
#include "router/control/spawner.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace patchbay::control {

// What a document has become. Nothing is in effect yet, and dropping it undoes everything.
struct Candidate {
    config::ConfigSnapshot content;
    std::unique_ptr<SocketClient::Batch> sockets; // commit() once the engines have switched
};

class SnapshotBuilder {
public:
    SnapshotBuilder(ControlLoop &loop, ModuleSource &modules, SocketClient &sockets,
                    Spawner &spawner);

    // current: the configuration in effect, or null. Then an application that cannot start does
    // not stop the others (P21). Throws ConfigError, Error. Waits inside the loop.
    Candidate build(const ConfigDocument &document, std::uint64_t generation,
                    const config::ConfigSnapshot *current);

private:
    using ByName = std::map<std::string, ApplicationPtr>;

    ByName acquireApplications(const ConfigDocument &document);
    void waitForFirstWorkers(const ConfigDocument &document, const ByName &applications,
                             const config::ConfigSnapshot *current);

    ControlLoop &loop_;
    ModuleSource &modules_;
    SocketClient &sockets_;
    Spawner &spawner_;
    ListenerPool listeners_;
};

} // namespace patchbay::control
