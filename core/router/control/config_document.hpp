// [control] The texts of a configuration -> a checked, typed value: everything that can be known
// without opening, starting or loading anything. Comes before snapshot_builder, which resolves
// addresses and acquires sockets and applications; it reports its own errors through errorAt().
#pragma once

#include "base/shared_text.hpp"
#include "ipc/bundle.hpp"
#include "ipc/isolation.hpp"
#include "module/catalog.hpp"
#include "router/app/limits.hpp"
#include "router/control/config_error.hpp"
#include "router/control/config_rules.hpp"
#include "router/control/scaling.hpp"
#include "router/http/settings.hpp"
#include "json/references.hpp"
#include "json/value.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace patchbay::control {

// `lacking`, of all three: why its module is not there, which was tolerated; else empty.
struct ListenerConfig {
    std::string address;                         // as written
    std::size_t offset = 0;                      // of the address
    std::string pointer;                         // "/listeners/*:80"
    const modules::ModuleInfo *module = nullptr; // of the catalog: "listener.tcp"; null: lacking
    std::string lacking;
    std::string options;           // canonical JSON: the members that belong to the module
    std::string applicationName;   // exists
    std::string target;            // of it; empty: its first one, or it has none
    std::uint32_t targetIndex = 0; // as pb_request has it
};

struct ApplicationConfig {
    std::string name;
    std::size_t offset = 0; // of the name
    std::string pointer;    // "/applications/blog"
    // Name, canonical JSON, stamps of the modules: equal key, same application (seed S15)
    SharedText key;
    const modules::ModuleInfo *runtime = nullptr; // of the catalog; both null: lacking
    const modules::ModuleInfo *encoder = nullptr;
    std::string lacking;
    std::string language; // "python"
    std::string options;  // the whole application, compact JSON
    Scale scale;          // "processes"
    std::uint32_t threads = 1;
    std::uint64_t threadStackBytes = 0; // 0: the system's
    std::uint32_t requestLimit = 0;     // of each worker; 0: none
    app::Limits limits;
    std::optional<std::chrono::milliseconds> startLimit; // absent: the server's
    std::string user, group;                             // empty: the daemon's
    std::string workingDirectory;                        // empty: the daemon's
    std::vector<std::pair<std::string, std::string>> environment;
    std::string stdoutPath, stderrPath; // empty: none
    ipc::Isolation isolation;
    std::uint64_t shmBytes = 104'857'600;
};

struct SinkConfig {
    std::string name;
    std::size_t offset = 0;                      // of the name
    std::string pointer;                         // "/sinks/metrics"
    const modules::ModuleInfo *module = nullptr; // of the catalog; null: lacking
    std::string options;                         // canonical JSON of the whole sink
    std::string lacking;
};

struct ConfigDefaults {
    std::string tmpDir;  // body_temp_path
    bool asUnit = false; // chunked_transform is off then
};

// A configuration as somebody wrote it, in one file, several, or one edit after the other.
struct DeclaredConfig {
    json::Value root;
    std::shared_ptr<const ConfigSources> sources; // what the offsets in root point into; not null
};

// One document of all texts, in their order. Throws ConfigError: a text is no JSON, or something is
// declared twice.
DeclaredConfig readConfiguration(std::vector<ipc::NamedText> texts);
// Of an edit: there is no text to point into.
DeclaredConfig declare(json::Value root);

struct ConfigDocument {
    DeclaredConfig declared;
    std::shared_ptr<const modules::Catalog> catalog; // kept: `module` and its like point into it
    // In effect: references resolved, quantities as numbers. Without the applications, of which
    // there may be many: what is needed of them is below.
    json::Value root;
    http::Settings http;
    std::chrono::milliseconds drainTimeout{0};  // of replaced generations; 0: none
    bool apiMayEdit = false;                    // although the configuration comes from files
    std::uint32_t versionsKept = 10;            // in the history
    std::optional<std::uint32_t> listenThreads; // absent: one per CPU
    std::vector<ListenerConfig> listeners;      // in document order
    std::vector<ApplicationConfig> applications;
    std::vector<SinkConfig> sinks;

    void forgetParts(); // everything runs: nobody will build from it again

    // A ConfigError of a later stage that points into this document; cause as in ConfigError.
    ConfigError errorAt(ConfigError::Stage stage, std::string pointer, std::size_t offset,
                        std::string detail, json::Value cause = json::Value::object()) const;
};

// What else a check needs to know.
struct CheckContext {
    const modules::Catalog &catalog;
    ConfigDefaults defaults;
    // Where ${env:} and ${file:} get their values; null leaves such texts as they are.
    const json::References *references = nullptr;
    MayLack mayLack = nullptr; // null: everything must have its module
};

// Throws ConfigError; Error when a module's schema is broken. The result points into catalog.
ConfigDocument checkConfiguration(DeclaredConfig declared, const CheckContext &context);

} // namespace patchbay::control
