// [control] The reload: the one place where a configuration comes into effect.
#pragma once

#include "router/control/engine_set.hpp"
#include "router/control/snapshot_builder.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

namespace patchbay::control {

class Controller {
public:
    struct Parts {
        ControlLoop &loop;
        EngineSet &engines;
        Spawner &spawner;
        SnapshotBuilder &builder;
        const modules::Catalog &catalog;
        ConfigDefaults defaults;
    };
    struct Outcome {
        bool ok = false;
        std::string text; // for the caller: what is in effect, or why it was refused
    };

    explicit Controller(Parts parts);
    Controller(const Controller &) = delete;
    Controller &operator=(const Controller &) = delete;

    // Puts the configuration into effect or leaves everything as it was. Waits inside the loop;
    // not to be called again from there (A12). Never throws for what is wrong with the text.
    Outcome apply(std::string text, const std::string &source);

    // Lets go of the configuration in effect: at the end.
    void release() { current_.reset(); }

    const config::SnapshotPtr &current() const noexcept { return current_; }
    const std::string &activeText() const noexcept { return activeText_; }
    std::size_t liveGenerations() const noexcept { return live_.size(); }

private:
    void change(std::string text, const std::string &source);
    config::SnapshotPtr publish(config::ConfigSnapshot content);
    void switchEngines(const config::SnapshotPtr &next);
    void released(std::uint64_t generation);
    Outcome refused(const std::string &why);

    Parts parts_;
    config::SnapshotPtr current_;
    std::string activeText_;
    std::uint64_t generation_ = 0;       // of current_
    std::set<std::uint64_t> live_;       // generations not destroyed yet
    std::shared_ptr<Controller *> self_; // snapshots may outlive us
};

} // namespace patchbay::control
