// [control] See app_plan.hpp. The reader of the blob is worker/prototype.
#include "router/control/app_plan.hpp"

#include "ipc/channel.hpp"
#include "router/control/config_document.hpp"

#include <algorithm>

namespace patchbay::control {
namespace {

constexpr std::uint64_t kMaxReplyUnits = 2048 * 64; // bits of WorkerSegmentLayout::freeUnits

std::string encodeStart(const ApplicationConfig &config, const std::string &runtimeFile)
{
    ipc::WireWriter out;
    out.str(config.name).str(config.language).str(runtimeFile).str(config.options);
    out.str(config.user).str(config.group).str(config.workingDirectory);
    out.u32(static_cast<std::uint32_t>(config.environment.size()));
    for (const auto &[name, value] : config.environment) {
        out.str(name).str(value);
    }
    out.str(config.stdoutPath).str(config.stderrPath).u32(config.threads);
    out.u64(config.threadStackBytes);
    ipc::writeIsolation(out, config.isolation);
    return out.bytes();
}

} // namespace

AppPlan makePlan(const ApplicationConfig &config, const std::string &runtimeFile)
{
    AppPlan plan;
    plan.name = config.name;
    plan.key = config.key;
    plan.scale = config.scale;
    plan.threads = config.threads;
    plan.requestLimit = config.requestLimit;
    plan.limits = config.limits;
    plan.startLimit = config.startLimit;
    // At least one longest run, so that no answer waits for ever.
    plan.replyUnits = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(config.shmBytes / ipc::kUnit, ipc::kMaxRun, kMaxReplyUnits));
    plan.start = encodeStart(config, runtimeFile);
    return plan;
}

// For another reason it is another one, and once it can be started another one again.
AppPlan makeUnavailable(const ApplicationConfig &config, std::string reason)
{
    AppPlan plan;
    plan.name = config.name;
    plan.key = config.key.str() + "\nunavailable " + reason;
    plan.unavailable = std::move(reason);
    return plan;
}

} // namespace patchbay::control
