// patchbayctl: an error of the control API as a person wants to read it: what, where, why, and what
// to do.
#pragma once

#include "json/value.hpp"

#include <string>
#include <string_view>

namespace patchbay::ctl {

// The text that was sent, so that a place in it can be told as FILE:LINE:COLUMN.
struct SentText {
    std::string name; // of the file, or what it is; empty: places are "line 1, column 5"
    std::string_view text;
    std::string pointer; // of the value that it becomes in the document; empty: the whole document
};

// Several lines without the final line break, the first one the headline:
//   Invalid configuration.
//     shop.json:3:21: /listeners/*:8080/pas: Unknown parameter "pas". Did you mean "pass"?
// sent may be null. Members that are absent or of another type are passed over.
std::string errorText(const json::Value &answer, const SentText *sent);

// "FILE:LINE:COLUMN" of the value at the pointer (of the document), its member name if it has one;
// empty when the pointer does not lie in the text.
std::string placeOf(const SentText &sent, std::string_view pointer);

} // namespace patchbay::ctl
