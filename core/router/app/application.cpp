#include "router/app/application.hpp"

#include <cassert>

namespace patchbay::app {

Application::Application(std::string name, SharedText key,
                         std::shared_ptr<modules::EncoderInstance> encoder, const Limits &limits)
    : name_(std::move(name)), key_(std::move(key)), encoder_(std::move(encoder)), limits_(limits)
{
}

Application::~Application()
{
#ifndef NDEBUG
    // Orphans of stopped engines may be left when the router goes down; live exchanges may not.
    if (workspace_ && inFlight.load() != 0) {
        for (std::uint32_t i = 0; i < ipc::kMaxSlots; i++) {
            const SlotRecord &record = workspace_->slot(i);
            assert(record.owner.load() == 0 || record.exchange == nullptr);
        }
    }
#endif
}

Workspace &Application::open()
{
    if (!workspace_) {
        workspace_ = std::make_unique<Workspace>();
    }
    return *workspace_;
}

void Application::askForWorkers()
{
    if (!asked_.load() && !asked_.exchange(true) && overseer_.wanted) {
        overseer_.wanted();
    }
}

void Application::tellHanging(const std::shared_ptr<WorkerView> &worker) const
{
    if (overseer_.hangs) {
        overseer_.hangs(worker);
    }
}

} // namespace patchbay::app
