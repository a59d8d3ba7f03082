// [control] See engine_set.hpp.
#include "router/control/engine_set.hpp"

#include "base/error.hpp"

#include <algorithm>

namespace patchbay::control {
namespace {

// A leaving engine may take this long for the requests it has.
constexpr std::chrono::hours kDrain{24};

// Adds what an engine has counted, its connections of now left out.
void addEver(EngineTotals &sum, const EngineTotals &engine) noexcept
{
    sum.accepted += engine.accepted;
    sum.closed += engine.closed;
    sum.requests += engine.requests;
}

} // namespace

EngineSet::EngineSet(ControlLoop &loop, Factory factory)
    : loop_(loop), factory_(std::move(factory)), self_(std::make_shared<EngineSet *>(this))
{
}

EngineSet::~EngineSet() = default;

void EngineSet::forEach(const Introduce &tell)
{
    for (auto &engine : active_) {
        tell(*engine);
    }
    for (auto &engine : leaving_) {
        tell(*engine);
    }
}

// What each engine gets as its Done: the last of `count` calls brings `done` to [control].
EngineSet::Done EngineSet::countdown(std::size_t count, Done done)
{
    if (count == 0) {
        loop_.post(std::move(done));
        return {};
    }
    std::uint64_t question = ++lastQuestion_;
    questions_.emplace(question, Question{count, std::move(done)});
    std::weak_ptr<EngineSet *> weak = self_;
    return [&loop = loop_, weak, question] {
        loop.post([weak, question] {
            if (auto self = weak.lock()) {
                (*self)->acknowledged(question);
            }
        });
    };
}

void EngineSet::acknowledged(std::uint64_t question)
{
    auto found = questions_.find(question);
    if (--found->second.left == 0) {
        Done done = std::move(found->second.done);
        questions_.erase(found);
        done();
    }
}

void EngineSet::askAll(const Ask &ask, Done done)
{
    Done acknowledge = countdown(alive(), std::move(done));
    forEach([&](EnginePort &engine) { ask(engine, acknowledge); });
}

std::uint32_t EngineSet::freeNumber() const
{
    auto used = [](const auto &engines, std::uint32_t number) {
        return std::any_of(engines.begin(), engines.end(),
                           [number](const auto &engine) { return engine->number() == number; });
    };
    for (std::uint32_t number = 0; number < ipc::kMaxEngines; number++) {
        if (!used(active_, number) && !used(leaving_, number)) {
            return number;
        }
    }
    throw Error("No engine number is free: engines that are leaving still serve their requests.");
}

void EngineSet::grow(std::size_t count, const Introduce &introduce)
{
    std::size_t before = active_.size();
    try {
        while (active_.size() < count) {
            active_.push_back(factory_(freeNumber()));
            introduce(*active_.back());
        }
    } catch (...) {
        shrink(before);
        throw;
    }
}

void EngineSet::shrink(std::size_t count)
{
    while (active_.size() > count) {
        std::unique_ptr<EnginePort> engine = std::move(active_.back());
        active_.pop_back();
        release(std::move(engine), kDrain);
    }
}

void EngineSet::release(std::unique_ptr<EnginePort> engine, std::chrono::milliseconds deadline)
{
    EnginePort *port = engine.get();
    leaving_.push_back(std::move(engine));
    std::weak_ptr<EngineSet *> weak = self_;
    port->stop(deadline, [&loop = loop_, weak, port] {
        loop.post([weak, port] {
            if (auto self = weak.lock()) {
                (*self)->gone(port);
            }
        });
    });
}

void EngineSet::gone(const EnginePort *engine)
{
    addEver(past_, engine->counters());
    std::erase_if(leaving_, [engine](const auto &other) { return other.get() == engine; });
    if (alive() == 0 && whenEmpty_) {
        std::exchange(whenEmpty_, {})();
    }
}

void EngineSet::adoptAll(const config::SnapshotPtr &snapshot, std::size_t count, Done done)
{
    Done acknowledge = countdown(active_.size(), std::move(done));
    for (std::size_t i = 0; i < active_.size(); i++) {
        if (i < count) {
            active_[i]->adopt(snapshot, acknowledge);
        } else {
            active_[i]->retire(*active_[i % count], acknowledge);
        }
    }
}

void EngineSet::census(CensusDone done)
{
    using ByGeneration = std::map<std::uint64_t, GenerationUse>;
    auto sums = std::make_shared<ByGeneration>(); // [control] alone looks into it
    Done acknowledge = countdown(alive(), [sums, done = std::move(done)] {
        std::vector<GenerationUse> uses;
        for (const auto &[generation, use] : *sums) {
            uses.push_back(use);
        }
        done(std::move(uses));
    });
    forEach([&](EnginePort &engine) {
        engine.census([&loop = loop_, sums, acknowledge](std::vector<GenerationUse> uses) {
            loop.post([sums, uses = std::move(uses)] {
                for (const GenerationUse &use : uses) {
                    GenerationUse &sum = (*sums)[use.generation];
                    sum.generation = use.generation;
                    sum.bindings += use.bindings;
                    sum.connections += use.connections;
                    sum.requests += use.requests;
                }
            });
            acknowledge(); // comes after it
        });
    });
}

void EngineSet::expire(std::uint64_t generation)
{
    forEach([generation](EnginePort &engine) { engine.expire(generation); });
}

EngineTotals EngineSet::totals() const noexcept
{
    EngineTotals sum = past_;
    for (const auto *engines : {&active_, &leaving_}) {
        for (const auto &engine : *engines) {
            EngineTotals part = engine->counters();
            addEver(sum, part);
            sum.active += part.active;
            sum.idle += part.idle;
        }
    }
    return sum;
}

void EngineSet::stopAll(std::chrono::milliseconds deadline, Done done)
{
    if (alive() == 0) {
        loop_.post(std::move(done));
        return;
    }
    whenEmpty_ = std::move(done);
    for (auto &engine : leaving_) {
        engine->stop(deadline, [] {}); // shorter than what it was given; its first Done counts
    }
    while (!active_.empty()) {
        std::unique_ptr<EnginePort> engine = std::move(active_.back());
        active_.pop_back();
        release(std::move(engine), deadline);
    }
}

} // namespace patchbay::control
