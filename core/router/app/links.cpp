#include "router/app/links.hpp"

#include <algorithm>
#include <cassert>

namespace patchbay::app {

AppLink &AppLinks::add(const std::shared_ptr<Application> &application)
{
    std::unique_ptr<AppLink> &link = links_[application.get()];
    if (!link) {
        link = std::make_unique<AppLink>(engine_, engineNumber_, application, busy_, toSignal_);
    }
    return *link;
}

AppLink *AppLinks::find(const Application &application) const noexcept
{
    const auto found = links_.find(&application);
    return found != links_.end() ? found->second.get() : nullptr;
}

void AppLinks::remove(const Application &application)
{
    const auto found = links_.find(&application);
    if (found != links_.end()) {
        std::erase(busy_, found->second.get());
        links_.erase(found);
    }
}

// An answer may make its connection start the next request, on any link: collecting comes first
// for all of them, waking the workers last. What settle() itself starts keeps the loop awake.
void AppLinks::endOfTurn()
{
    for (std::size_t i = 0; i < busy_.size(); i++) {
        busy_[i]->collect();
    }
    for (std::size_t i = 0; i < busy_.size(); i++) {
        busy_[i]->settle();
    }
    std::erase_if(busy_, [](AppLink *link) { return link->leaveIfIdle(); });
}

// One wake-up for all that a turn has sent on: a worker that streams finds room for many pieces.
void AppLinks::signalWorkers() noexcept
{
    for (WorkerLink *worker : toSignal_) {
        worker->toSignal = false;
        ipc::signalWorker(worker->view->segment.layout());
        worker->drop();
    }
    toSignal_.clear();
}

bool AppLinks::prepareSleep() noexcept
{
    for (announced_ = 0; announced_ < busy_.size(); announced_++) {
        if (!busy_[announced_]->prepareSleep()) {
            return false;
        }
    }
    return true;
}

bool AppLinks::hasArrived() const noexcept
{
    return std::any_of(busy_.begin(), busy_.end(),
                       [](const AppLink *link) { return link->hasArrived(); });
}

void AppLinks::endSleep() noexcept
{
    for (std::size_t i = 0; i < announced_; i++) {
        busy_[i]->endSleep();
    }
    announced_ = 0;
}

void AppLinks::orphanAll() noexcept
{
    for (auto &[application, link] : links_) {
        link->orphanAll();
    }
}

} // namespace patchbay::app
