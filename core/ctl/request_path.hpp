// patchbayctl: from the PATH a person types to the target of a request.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace patchbay::ctl {

// Parts of "/listeners/*:8080/pass" or "listeners/*:8080/pass". Each is taken as it is, only %2F
// stands for a slash. Empty ones do not count.
std::vector<std::string> pathParts(std::string_view path);

// One part of a target, percent-encoded: a slash in it becomes %2F, a percent sign %25.
std::string encodePart(std::string_view part);

// "/config/listeners/*:8080/pass"
std::string configTarget(std::string_view path);

// The same place as messages name it: "/listeners/unix:~1run~1shop.sock"; empty for the whole.
std::string pointerOf(std::string_view path);

} // namespace patchbay::ctl
