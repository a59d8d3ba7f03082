// patchbayctl: one request, its answer, and what is said about it. Used by every command.
#pragma once

#include "ctl/command.hpp"
#include "ctl/control_client.hpp"
#include "ctl/error_text.hpp"
#include "json/value.hpp"

#include <string>
#include <string_view>

namespace patchbay::ctl {

struct Answer {
    int status = 0;
    std::string text; // as sent, with LF for line breaks
    json::Value value;
    std::string etag; // empty: none

    bool ok() const noexcept { return status >= 200 && status < 300; }
};

// Sends it and waits, showing progress: "waiting for WHAT ...". Throws ConnectError, also when the
// answer is no JSON.
Answer ask(Context &context, const Request &request, std::string_view what);

// The value there, for an explanation: nothing when there is no good answer.
std::optional<json::Value> lookUp(Context &context, const std::string &target);

// Says why, to stderr; with --json prints the answer instead. Returns kRefused. sent may be null.
int refuse(Context &context, const Answer &answer, const SentText *sent = nullptr);

// The end of a change: `done` (or the server's JSON), warnings, and what does not run because of
// it. Returns kDone, kDegraded or what refuse() returns.
int finish(Context &context, const Answer &answer, std::string_view done,
           const SentText *sent = nullptr);

} // namespace patchbay::ctl
