// [control] What a job does when it needs an answer of process main: waits for it inside the loop.
#pragma once

#include "router/control/control_loop.hpp"

#include <memory>
#include <optional>
#include <tuple>
#include <utility>

namespace patchbay::control {

// ask gets the function that takes the answer. Throws Stopping; the answer may still come then.
template <class... Results, class Ask>
std::tuple<Results...> await(ControlLoop &loop, const Ask &ask)
{
    auto result = std::make_shared<std::optional<std::tuple<Results...>>>();
    ask([result](Results... results) { result->emplace(std::move(results)...); });
    if (!loop.runUntil([&] { return result->has_value(); })) {
        throw Stopping();
    }
    return std::move(**result);
}

} // namespace patchbay::control
