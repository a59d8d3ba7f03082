// [control] See reconfigure.hpp. Before: config_service; after: engines serve the snapshot.
#include "router/control/reconfigure.hpp"

#include "base/log.hpp"
#include "json/edit.hpp"
#include "json/location.hpp"
#include "json/writer.hpp"

#include <malloc.h>

#include <algorithm>
#include <functional>

namespace patchbay::control {
namespace {

using Clock = ControlLoop::Clock;

constexpr std::chrono::milliseconds kGiveBackAfter{200};

std::string tagOf(const std::string &text)
{
    char tag[24];
    std::snprintf(tag, sizeof tag, "\"%016zx\"", std::hash<std::string>{}(text));
    return tag;
}

const char *plural(std::size_t count)
{
    return count == 1 ? "" : "s";
}

void logLeftOut(const Ailments &ailments)
{
    for (const LeftOut &out : ailments.leftOut) {
        const bool requests = out.kind == LeftOut::Kind::application;
        log::alert("%s \"%s\" %s: %s", out.kindText(), out.name.c_str(),
                   out.serves ? "goes on with what is loaded, and cannot be started again"
                   : requests ? "is left out, its requests get 503"
                              : "is left out",
                   out.message.c_str());
    }
}

} // namespace

Controller::Controller(Parts parts)
    : parts_(std::move(parts)), self_(std::make_shared<Controller *>(this))
{
}

// The whole reload. Up to switchEngines() a throw lets go of what was acquired, and nothing has
// changed; from there on nothing can fail but the router's own end.
void Controller::change(ConfigDocument document, const Tolerance &tolerance)
{
    auto started = Clock::now();
    const config::ConfigSnapshot *current = active_ ? active_->snapshot.get() : nullptr;
    Candidate candidate = parts_.builder.build(document, generation_ + 1, current, tolerance);
    commit(std::move(document), std::move(candidate));
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started);
    log::notice("configuration generation %llu applied in %lld ms, %zu generation%s live",
                static_cast<unsigned long long>(generation_), static_cast<long long>(took.count()),
                live_.size(), plural(live_.size()));
    logLeftOut(active_->ailments);
}

void Controller::commit(ConfigDocument document, Candidate candidate)
{
    ActiveConfig next;
    next.base = std::move(candidate.base);
    next.text = json::writeCompact(document.declared.root);
    next.text.shrink_to_fit();
    next.tag = tagOf(next.text);
    next.document = std::move(document);
    std::size_t engines = candidate.content.engines;
    parts_.engines.grow(engines, [this](EnginePort &engine) { parts_.spawner.introduce(engine); });
    next.snapshot = publish(std::move(candidate.content));

    switchEngines(next.snapshot); // returns when every engine has
    next.ailments = std::move(candidate.ailments);
    if (next.ailments.none()) {
        next.document.forgetParts();
    }
    std::uint64_t replaced = generation_++;
    active_ = std::move(next);

    try {
        candidate.sockets->commit();
    } catch (const Error &error) { // the next change tries again
        log::alert("listening sockets are still as they were: %s", error.what());
    }
    parts_.engines.shrink(engines);
    std::vector<ApplicationPtr> named = active_->snapshot->applications;
    for (const FailedApplication &failed : active_->ailments.applications) {
        named.push_back(failed.wanted);
    }
    parts_.spawner.keepOnly(named);
    drain(replaced, active_->document.drainTimeout);
    std::erase_if(restarts_, [this](const auto &entry) {
        return !active_->base.applications.contains(entry.first);
    });
    giveBackMemory();
}

void Controller::switchEngines(const config::SnapshotPtr &next)
{
    auto switched = std::make_shared<bool>(false);
    parts_.engines.adoptAll(next, next->engines, [switched] { *switched = true; });
    if (!parts_.loop.runUntil([&] { return *switched; })) {
        throw Stopping();
    }
}

void Controller::apply(DeclaredConfig declared, Demand demand, Modules modules)
{
    change(examine(std::move(declared), std::move(modules)), tolerate(demand));
}

json::Value Controller::plan(DeclaredConfig declared, Modules modules)
{
    ConfigDocument document = examine(std::move(declared), std::move(modules));
    Ailments ailments;
    const config::ConfigSnapshot *current = active_ ? active_->snapshot.get() : nullptr;
    PlanBase after =
        planBase(document,
                 parts_.builder.resolve(document, current, tolerate(Demand::everything), ailments));
    return makePlan(active_ ? active_->base : PlanBase(), after);
}

// A restart is a change of nothing but the application's key.
void Controller::restart(const std::string &application)
{
    unsigned before = restarts_[application];
    restarts_[application]++;
    try {
        apply(active_->document.declared, Demand::everything);
    } catch (...) {
        restarts_[application] = before;
        throw;
    }
}

bool Controller::heal()
{
    Tolerance everything;
    everything.listeners = everything.applications = everything.modules = true;
    Candidate candidate = parts_.builder.build(active_->document, generation_ + 1,
                                               active_->snapshot.get(), everything);
    if (candidate.ailments.same(active_->ailments)) {
        return false; // letting go of the candidate undoes what it took to find out
    }
    commit(ConfigDocument(active_->document), std::move(candidate));
    log::notice("configuration generation %llu: something that did not run does now",
                static_cast<unsigned long long>(generation_));
    return true;
}

bool Controller::recovered() const
{
    return active_ &&
           std::any_of(active_->ailments.applications.begin(), active_->ailments.applications.end(),
                       [this](const FailedApplication &failed) {
                           return parts_.spawner.settled(*failed.wanted) &&
                                  !parts_.spawner.failure(*failed.wanted);
                       });
}

Tolerance Controller::tolerate(Demand demand) const
{
    Tolerance tolerance;
    tolerance.listeners = tolerance.modules = demand == Demand::whateverRuns;
    // Without a configuration there is nothing that could serve on.
    tolerance.applications = demand != Demand::everything || !active_;
    if (active_) {
        for (const FailedListener &failed : active_->ailments.listeners) {
            tolerance.knownListeners.insert(failed.canonical);
        }
        for (const FailedApplication &failed : active_->ailments.applications) {
            tolerance.knownApplications.insert(failed.wanted->key().str());
        }
        for (const LeftOut &out : active_->ailments.leftOut) {
            tolerance.knownLeftOut.insert(out.identity);
        }
    }
    return tolerance;
}

// What was accepted once, although its module has gone since: all of it at a start or when nothing
// has changed; else what is left out already. What somebody changes must have its module.
MayLack Controller::mayLack(const json::Value &declared) const
{
    const bool all = !active_ || json::writeCompact(declared) == active_->text;
    std::set<std::string> known;
    if (!all) {
        for (const LeftOut &out : active_->ailments.leftOut) {
            const json::Path path = {out.section(), out.name};
            const json::Value *before = json::at(active_->document.declared.root, path);
            const json::Value *now = json::at(declared, path);
            if (before != nullptr && now != nullptr &&
                json::writeCanonical(*before) == json::writeCanonical(*now)) {
                known.insert(out.pointer);
            }
        }
    }
    return [all, known = std::move(known)](std::string_view section, std::string_view name) {
        std::string pointer = "/" + std::string(section);
        json::appendPointer(pointer, name);
        return all || known.contains(pointer);
    };
}

// Everything that can be known without side effects.
ConfigDocument Controller::examine(DeclaredConfig declared, Modules modules)
{
    Modules catalog = modules ? std::move(modules) : inUse();
    std::map<std::string, ipc::NamedText> files;
    json::References references;
    if (parts_.references) {
        files = readFiles(declared.root);
        references.environment = json::environmentVariable;
        references.file = [&files](const std::string &path) {
            const ipc::NamedText &file = files.at(path);
            if (!file.name.empty()) {
                throw Error(file.name);
            }
            return file.text;
        };
    }
    MayLack lenience = mayLack(declared.root);
    ConfigDocument document = checkConfiguration(
        std::move(declared), {*catalog, parts_.defaults, parts_.references ? &references : nullptr,
                              std::move(lenience)});
    document.catalog = std::move(catalog);
    for (ApplicationConfig &application : document.applications) {
        auto restarts = restarts_.find(application.name);
        if (restarts != restarts_.end() && restarts->second > 0) {
            application.key =
                application.key.str() + "\nrestart " + std::to_string(restarts->second);
        }
    }
    return document;
}

// What ${file:} names, by path; NamedText::name is the error of one that cannot be read.
std::map<std::string, ipc::NamedText> Controller::readFiles(const json::Value &root)
{
    std::set<std::string> paths = json::fileReferences(root);
    // Outlives this frame when the wait is interrupted and answers come later.
    auto files = std::make_shared<std::map<std::string, ipc::NamedText>>();
    for (const std::string &path : paths) {
        parts_.keeper.readFile(path, [files, path](Failure failure, std::string text) {
            (*files)[path] = {std::move(failure.text), std::move(text)};
        });
    }
    if (!parts_.loop.runUntil([&] { return files->size() == paths.size(); })) {
        throw Stopping();
    }
    return std::move(*files);
}

// What still pins the old generation is cut when its time is over.
void Controller::drain(std::uint64_t generation, std::chrono::milliseconds time)
{
    if (time.count() == 0 || generation == 0) {
        return;
    }
    std::weak_ptr<Controller *> weak = self_;
    parts_.loop.after(time, [weak, generation] {
        auto self = weak.lock();
        if (!self || !(*self)->live_.contains(generation)) {
            return;
        }
        log::notice("configuration generation %llu is still in use after the drain timeout: its "
                    "connections are closed",
                    static_cast<unsigned long long>(generation));
        (*self)->parts_.engines.forEach(
            [generation](EnginePort &engine) { engine.expire(generation); });
    });
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
    live_.emplace(generation, Clock::now());
    return snapshot;
}

void Controller::released(std::uint64_t generation)
{
    live_.erase(generation);
    giveBackMemory();
    log::notice("configuration generation %llu released, %zu generation%s live",
                static_cast<unsigned long long>(generation), live_.size(), plural(live_.size()));
}

// What a change has taken for a while and what the generation before had: documents and texts as
// large as the configuration. After the answer, and once for several changes in a row.
void Controller::giveBackMemory()
{
    parts_.loop.cancel(giveBackTimer_);
    std::weak_ptr<Controller *> weak = self_;
    giveBackTimer_ = parts_.loop.after(kGiveBackAfter, [weak] {
        if (auto self = weak.lock()) {
            (*self)->giveBackTimer_ = 0;
            ::malloc_trim(0);
        }
    });
}

std::vector<Controller::Generation> Controller::generations() const
{
    std::vector<Generation> result;
    for (const auto &[id, since] : live_) {
        result.push_back({id, since});
    }
    return result;
}

} // namespace patchbay::control
