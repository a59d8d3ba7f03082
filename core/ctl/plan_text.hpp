// patchbayctl: what a change would do, for people.
#pragma once

#include "json/value.hpp"

#include <string>

namespace patchbay::ctl {

// Does the plan of a dry run change anything?
bool planChanges(const json::Value &plan);

// One line for each application and listener that changes, then what stays. Each line ends with a
// line break.
std::string planText(const json::Value &plan);

} // namespace patchbay::ctl
