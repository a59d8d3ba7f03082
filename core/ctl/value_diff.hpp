// patchbayctl: how two documents differ, as lines for people.
#pragma once

#include "json/value.hpp"

#include <string>

namespace patchbay::ctl {

// changed: of the answer to a dry run, [{"pointer", "before", "after"}]. One line for each:
// "~ /listeners/*:80/pass: "applications/a" -> "applications/b"", with + for what would be added
// and
// - for what would be removed.
std::string differencesText(const json::Value &changed);

} // namespace patchbay::ctl
