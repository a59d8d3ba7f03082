// [control] The reload: the one place where a configuration comes into effect.
#pragma once

#include "router/control/config_keeper.hpp"
#include "router/control/engine_set.hpp"
#include "router/control/plan.hpp"
#include "router/control/snapshot_builder.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace patchbay::control {

// The configuration in effect.
struct ActiveConfig {
    ConfigDocument
        document; // without its parts, unless something ails: then heal() builds it again
    config::SnapshotPtr snapshot;
    PlanBase base;
    Ailments ailments;
    std::string text; // the declared configuration, compact
    std::string tag;  // of text: equal texts, equal tags
};

class Controller {
public:
    struct Parts {
        ControlLoop &loop;
        EngineSet &engines;
        Spawner &spawner;
        SnapshotBuilder &builder;
        ConfigKeeper &keeper;
        std::shared_ptr<const modules::Catalog> catalog; // to begin with
        ConfigDefaults defaults;
        bool references =
            false; // ${env:} and ${file:} are resolved: configurations come from files
    };
    // How much of a configuration must run for it to come into effect.
    enum class Demand {
        everything,   // of what changes: an edit
        listeners,    // a new version of an application may fail: its old one serves on
        whateverRuns, // what ran before: only the text must be right
    };
    struct Generation {
        std::uint64_t id;
        std::chrono::steady_clock::time_point since;
    };

    using Modules = std::shared_ptr<const modules::Catalog>;

    explicit Controller(Parts parts);
    Controller(const Controller &) = delete;
    Controller &operator=(const Controller &) = delete;

    // All four wait inside the loop and are not to be called again from there (A12).

    // Puts the configuration into effect, or leaves everything as it was and throws: ConfigError,
    // or Error when it is not the configuration's fault.
    // modules: from then on instead of those in use; null: no others.
    void apply(DeclaredConfig declared, Demand demand, Modules modules = nullptr);
    // What apply() would do, or refuse for what can be known beforehand.
    json::Value plan(DeclaredConfig declared, Modules modules = nullptr);
    // New processes for an application of the configuration in effect, which must be known; the old
    // ones serve until they are ready, and on when they do not become ready: throws ConfigError.
    void restart(const std::string &application);
    // Tries what does not run again. True: something runs now that did not.
    bool heal();

    // An application of ailments() has recovered: heal() would find it so.
    bool recovered() const;
    // Null before the first configuration.
    const ActiveConfig *active() const noexcept { return active_ ? &*active_ : nullptr; }
    // The modules in use.
    const modules::Catalog &catalog() const noexcept { return *inUse(); }
    // Lets go of the configuration in effect: at the end.
    void release() { active_.reset(); }

    std::uint64_t generation() const noexcept { return generation_; }
    // Generations not destroyed yet, oldest first.
    std::vector<Generation> generations() const;
    std::size_t liveGenerations() const noexcept { return live_.size(); }

private:
    const Modules &inUse() const noexcept
    {
        return active_ ? active_->document.catalog : parts_.catalog;
    }
    ConfigDocument examine(DeclaredConfig declared, Modules modules);
    std::map<std::string, ipc::NamedText> readFiles(const json::Value &root);
    void change(ConfigDocument document, const Tolerance &tolerance);
    Tolerance tolerate(Demand demand) const;
    MayLack mayLack(const json::Value &declared) const;
    void commit(ConfigDocument document, Candidate candidate);
    config::SnapshotPtr publish(config::ConfigSnapshot content);
    void switchEngines(const config::SnapshotPtr &next);
    void drain(std::uint64_t generation, std::chrono::milliseconds time);
    void released(std::uint64_t generation);
    void giveBackMemory();

    Parts parts_;
    std::optional<ActiveConfig> active_;
    std::unordered_map<std::string, unsigned> restarts_; // by name of application
    std::uint64_t generation_ = 0;                       // of active_
    std::map<std::uint64_t, std::chrono::steady_clock::time_point> live_;
    ControlLoop::TimerId giveBackTimer_ = 0;
    std::shared_ptr<Controller *> self_; // snapshots may outlive us
};

} // namespace patchbay::control
