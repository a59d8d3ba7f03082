// All applications of one engine. Process router, [engine].
#pragma once

#include "router/app/app_link.hpp"

#include <memory>
#include <unordered_map>
#include <vector>

namespace patchbay::app {

class AppLinks {
public:
    AppLinks(engine::Engine &engine, std::uint32_t engineNumber) noexcept
        : engine_(engine), engineNumber_(engineNumber)
    {
    }
    ~AppLinks() { clear(); }
    AppLinks(const AppLinks &) = delete;
    AppLinks &operator=(const AppLinks &) = delete;

    AppLink &add(const std::shared_ptr<Application> &application); // or the one there is
    AppLink *find(const Application &application) const noexcept;
    void remove(const Application &application); // nothing of it may be alive

    void endOfTurn();
    // After everything that may release replies: at the end of each turn.
    void signalWorkers() noexcept;
    bool prepareSleep() noexcept;
    void endSleep() noexcept;
    bool hasArrived() const noexcept; // something from a worker
    bool isBusy() const noexcept { return !busy_.empty(); }
    void orphanAll() noexcept; // before the engine ends
    void clear()
    {
        links_.clear();
        signalWorkers();
    }

private:
    engine::Engine &engine_;
    std::uint32_t engineNumber_;
    std::vector<AppLink *> busy_;        // few, whatever the number of applications
    std::vector<WorkerLink *> toSignal_; // in this turn
    std::size_t announced_ = 0;          // how many of them have been told that we sleep
    std::unordered_map<const Application *, std::unique_ptr<AppLink>> links_;
};

} // namespace patchbay::app
