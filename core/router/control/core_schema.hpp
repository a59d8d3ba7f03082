// [control] What the core itself knows of the configuration; modules add their options to the
// listener, application and sink schemas.
#pragma once

#include "json/schema.hpp"

#include <string_view>

namespace patchbay::control {

// Compiled once per process. x-select: "listener", "application", "sink"; x-rule: see
// config_rules.cpp.
const json::Schema &rootSchema();
const json::Schema &listenerSchema();
const json::Schema &applicationSchema();
const json::Schema &sinkSchema();

// The texts they were compiled from.
std::string_view rootSchemaText();
std::string_view listenerSchemaText();
std::string_view applicationSchemaText();
std::string_view sinkSchemaText();

} // namespace patchbay::control
