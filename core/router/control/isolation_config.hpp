// [control] The option "isolation" (config.md 5.6): what its schema cannot say, and its value. Used
// by config_rules and config_document.
#pragma once

#include "ipc/isolation.hpp"
#include "json/schema.hpp"

namespace patchbay::control {

// What must fit together. What only the machine knows (users, directories, the kernel's opinion) is
// found out by the prototype.
void checkIsolation(const json::Value &isolation, json::Report &report);
void checkRootfs(const json::Value &rootfs, json::Report &report);
void checkCgroupPath(const json::Value &path, json::Report &report);

// Of a value that has passed schema and rules.
ipc::Isolation isolationOf(const json::Value &isolation);

} // namespace patchbay::control
