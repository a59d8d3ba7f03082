// [control] What the core itself knows of the configuration; modules add their options to the
// listener and application schemas.
#pragma once

#include "json/schema.hpp"

namespace patchbay::control {

// Compiled once per process. x-select: "listener", "application"; x-rule: see config_rules.cpp.
const json::Schema &rootSchema();
const json::Schema &listenerSchema();
const json::Schema &applicationSchema();

} // namespace patchbay::control
