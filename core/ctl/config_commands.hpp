// patchbayctl: what the commands that change a part of the configuration share.
#pragma once

#include "ctl/exchange.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace patchbay::ctl {

inline constexpr std::string_view kNewConfiguration = "the new configuration"; // is waited for

// After a 404: says which part of the path is not in the configuration, and what is.
void explainMissing(Context &context, const Answer &answer, const std::vector<std::string> &parts);

// refuse(); when nothing is at the path (404), says what there is. sent may be null.
int refuseAt(Context &context, const Answer &answer, const std::string &path,
             const SentText *sent = nullptr);

// finish(), with refuseAt() when it was refused. `done` is the server's own word.
int finishAt(Context &context, const Answer &answer, const std::string &path,
             const SentText *sent = nullptr);

} // namespace patchbay::ctl
