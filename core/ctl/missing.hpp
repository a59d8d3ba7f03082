// patchbayctl: why there is nothing at a path.
#pragma once

#include "json/value.hpp"

#include <string>
#include <vector>

namespace patchbay::ctl {

// Follows the parts through the document and tells the first one that is not there, and what is:
//   /listeners has no "*:8081". Did you mean "*:8080"?
// Empty when all of it is there.
std::string missingText(const json::Value &root, const std::vector<std::string> &parts);

} // namespace patchbay::ctl
