// [control] What it takes to run one application: its identity, how many workers, and what its
// prototype is told.
#pragma once

#include "base/shared_text.hpp"
#include "ipc/layout.hpp"
#include "router/app/limits.hpp"
#include "router/control/scaling.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace patchbay::control {

struct ApplicationConfig;

struct AppPlan {
    std::string name;
    SharedText key;                 // equal key, same application (seed S15)
    Scale scale;                    // how many workers
    std::uint32_t threads = 1;      // request threads of each worker, a seat each
    std::uint32_t requestLimit = 0; // requests of each worker before it is replaced; 0: any number
    std::uint32_t replyUnits = 1;   // reply memory of each worker, in units
    app::Limits limits;
    // How long its prototype, and then each worker, may take to be ready; absent: the server's.
    std::optional<std::chrono::milliseconds> startLimit;
    std::string start; // ApplicationStart blob (ipc/message.hpp)
    // Why it cannot be started at all; then requests get 503, and of the rest only names count.
    std::string unavailable = {};
};

// Worker numbers there are: a number stands for as many seats as a worker has threads.
inline std::uint32_t workerNumbers(const AppPlan &plan)
{
    std::uint32_t bySeats = ipc::kMaxSeats / plan.threads;
    return bySeats < ipc::kMaxWorkers ? bySeats : ipc::kMaxWorkers;
}

// runtimeFile: the module that the prototype loads.
AppPlan makePlan(const ApplicationConfig &config, const std::string &runtimeFile);
// Of an application that is left out of a configuration.
AppPlan makeUnavailable(const ApplicationConfig &config, std::string reason);

} // namespace patchbay::control
