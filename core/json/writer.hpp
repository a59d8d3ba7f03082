// [any] Value -> JSON text.
#pragma once

#include "json/value.hpp"

#include <string>
#include <string_view>

namespace patchbay::json {

// "a\"b" with its quotes. Escapes \" \\ \n \r \t \b \f \u00XX; everything else is written raw.
std::string quote(std::string_view text);
void appendQuoted(std::string &out, std::string_view text);

// One line without spaces; members in order, numbers as they were written.
std::string writeCompact(const Value &value);

// What the control API answers with (control-api.md 3.2): a tab per level, CRLF, an empty line
// behind a member that holds something; members in order, numbers as they were written; a final
// CRLF.
std::string writePretty(const Value &value);

// Equal values give equal bytes: members sorted by name, numbers normalised (1, 1.0 and 1e0 are
// one). The identity of applications and module instances (seed S15).
std::string writeCanonical(const Value &value);

} // namespace patchbay::json
