// [control] See reconfigure.hpp. Before: main's `configure`; after: engines serve the snapshot.
#include "router/control/reconfigure.hpp"

#include "base/log.hpp"

namespace patchbay::control {

Controller::Controller(Parts parts)
    : parts_(std::move(parts)), self_(std::make_shared<Controller *>(this))
{
}

// The whole reload. Up to switchEngines() a throw lets go of what was acquired, and nothing has
// changed; from there on nothing can fail but the router's own end.
void Controller::change(std::string text, const std::string &source)
{
    ConfigDocument document =
        parseConfiguration(std::move(text), source, parts_.catalog, parts_.defaults);
    Candidate candidate = parts_.builder.build(document, generation_ + 1, current_.get());
    std::size_t engines = candidate.content.engines;
    parts_.engines.grow(engines, [this](EnginePort &engine) { parts_.spawner.introduce(engine); });
    config::SnapshotPtr next = publish(std::move(candidate.content));

    switchEngines(next); // returns when every engine has
    candidate.sockets->commit();
    parts_.engines.shrink(engines);
    parts_.spawner.keepOnly(next->applications);

    current_ = std::move(next);
    activeText_ = std::move(document.text);
    generation_++;
}

void Controller::switchEngines(const config::SnapshotPtr &next)
{
    auto switched = std::make_shared<bool>(false);
    parts_.engines.adoptAll(next, next->engines, [switched] { *switched = true; });
    if (!parts_.loop.runUntil([&] { return *switched; })) {
        throw Error("The router is stopping.");
    }
}

Controller::Outcome Controller::apply(std::string text, const std::string &source)
{
    auto started = ControlLoop::Clock::now();
    try {
        change(std::move(text), source);
    } catch (const ConfigError &error) {
        for (std::string_view rest = error.what(); !rest.empty();) {
            std::size_t end = std::min(rest.find('\n'), rest.size());
            log::write(log::Level::alert, rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        return refused(error.what());
    } catch (const std::exception &error) {
        log::write(log::Level::alert, error.what());
        return refused(error.what());
    }
    auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(ControlLoop::Clock::now() - started);
    log::notice("configuration generation %llu applied in %lld ms, %zu generation%s live",
                static_cast<unsigned long long>(generation_), static_cast<long long>(took.count()),
                live_.size(), live_.size() == 1 ? "" : "s");
    return {true, "configuration generation " + std::to_string(generation_) + " applied"};
}

Controller::Outcome Controller::refused(const std::string &why)
{
    log::alert("failed to apply new conf: %s",
               current_ ? "the running configuration stays" : "no configuration is active");
    return {false, why};
}

// Snapshots end on [control], whoever lets go last (seed S05).
config::SnapshotPtr Controller::publish(config::ConfigSnapshot content)
{
    std::uint64_t generation = content.generation;
    std::weak_ptr<Controller *> weak = self_;
    auto *loop = &parts_.loop;
    auto made = std::make_unique<config::ConfigSnapshot>(std::move(content));
    config::SnapshotPtr snapshot(made.release(),
                                 [loop, weak, generation](const config::ConfigSnapshot *last) {
                                     loop->post([last, weak, generation] {
                                         delete last;
                                         if (auto self = weak.lock()) {
                                             (*self)->released(generation);
                                         }
                                     });
                                 });
    live_.insert(generation);
    return snapshot;
}

void Controller::released(std::uint64_t generation)
{
    live_.erase(generation);
    log::notice("configuration generation %llu released, %zu generation%s live",
                static_cast<unsigned long long>(generation), live_.size(),
                live_.size() == 1 ? "" : "s");
}

} // namespace patchbay::control
