// [control] What went wrong with a change -> the answer that says so (control-api.md 3.3, 4, 8).
#pragma once

#include "router/api/message.hpp"
#include "router/control/config_error.hpp"
#include "json/reader.hpp"

#include <exception>

namespace patchbay::api {

// body: the text that is no JSON.
Answer syntaxAnswer(const json::ReadError &error, std::string_view body);

// Of what a job of ConfigService has thrown. failed: `error` when it was valid but could not be put
// into effect.
Answer errorAnswer(const std::exception &error,
                   std::string_view failed = "Failed to apply new configuration.");

} // namespace patchbay::api
