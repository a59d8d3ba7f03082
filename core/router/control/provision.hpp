// [control] What can be found out about a configuration without binding or starting anything:
// addresses, users, directories. Part of every apply, and all of a check (-t).
#pragma once

#include "module/instance.hpp"
#include "module/registry.hpp"
#include "patchbay/abi.h"
#include "router/config/usage_pool.hpp"
#include "router/control/config_document.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace patchbay::control {

// The router's modules, as the builder needs them; a fake in tests.
class ModuleSource {
public:
    using ListenerPtr = std::shared_ptr<modules::ListenerInstance>;

    ModuleSource() = default;
    ModuleSource(const ModuleSource &) = delete;
    ModuleSource &operator=(const ModuleSource &) = delete;
    virtual ~ModuleSource() = default;

    // Each throws Error with a text for people.
    virtual ListenerPtr makeListener(const ListenerConfig &listener) = 0;
    virtual pb_socket_spec resolve(const ListenerPtr &instance, const ListenerConfig &listener) = 0;
    virtual std::shared_ptr<modules::EncoderInstance>
    makeEncoder(const ApplicationConfig &application) = 0;
    virtual std::shared_ptr<modules::SinkInstance> makeSink(const SinkConfig &sink) = 0;
};

class RegistryModules final : public ModuleSource {
public:
    explicit RegistryModules(modules::Registry &registry) : registry_(registry) {}
    ListenerPtr makeListener(const ListenerConfig &listener) override;
    pb_socket_spec resolve(const ListenerPtr &instance, const ListenerConfig &listener) override;
    std::shared_ptr<modules::EncoderInstance>
    makeEncoder(const ApplicationConfig &application) override;
    std::shared_ptr<modules::SinkInstance> makeSink(const SinkConfig &sink) override;

private:
    modules::Registry &registry_;
};

// A listener with its module instance and what main must bind.
struct ResolvedListener {
    const ListenerConfig *config;
    ModuleSource::ListenerPtr module;
    pb_socket_spec spec;
};
using ListenerPool = config::UsagePool<modules::ListenerInstance>;

// What to do about a listener whose module is missing or does not set it up: an instance that takes
// its place, nothing to leave it out, or the error thrown on.
using Substitute = std::function<std::optional<ModuleSource::ListenerPtr>(
    const ListenerConfig &listener, const ConfigError &error)>;

// Everything that can be known of the listeners without binding; throws ConfigError, also for two
// spellings of one address (T19). substitute: null to throw.
std::vector<ResolvedListener> resolveListeners(const ConfigDocument &document,
                                               ModuleSource &modules, ListenerPool &pool,
                                               const Substitute &substitute = nullptr);
// Users, groups and directories exist; throws ConfigError.
void checkSurroundings(const ConfigDocument &document);

} // namespace patchbay::control
