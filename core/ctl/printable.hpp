// patchbayctl: text of others, made fit for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace patchbay::ctl {

// One line that no terminal obeys: control characters and bytes that are no UTF-8 become \xNN.
std::string printable(std::string_view text);

// Each line of text printable (tabs stay), after the indent, with its line break.
std::string indented(std::string_view text, std::string_view indent);

// At most `most` characters; what was cut off is told by "...".
std::string shortened(std::string text, std::size_t most);

// Characters, not bytes: the width in a table.
std::size_t characters(std::string_view text);

// CRLF becomes LF. The server's JSON has CRLF between its lines only.
std::string unixLines(std::string text);

} // namespace patchbay::ctl
