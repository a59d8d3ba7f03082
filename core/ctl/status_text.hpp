// patchbayctl: /status for people. Every member may be absent: other versions have fewer.
#pragma once

#include "json/value.hpp"

#include <string>

namespace patchbay::ctl {

// All of it: configuration, traffic, listeners, applications, old generations, trouble.
std::string statusText(const json::Value &status);

// What does not run or was not stored, and why, with the applications' last words; without final
// line break. Empty: nothing is wrong.
std::string troubleText(const json::Value &status);

// /status/modules as a table.
std::string modulesText(const json::Value &modules);

} // namespace patchbay::ctl
