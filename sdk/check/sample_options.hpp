// patchbay-module: options for create(), made from the module's schema. Runs no code of the module.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace patchbay::check {

// What the schema says against these options; empty: nothing. The text may be no JSON at all.
std::string optionsFault(std::string_view schema, std::string_view options);

// A property whose own default is refused; empty: there is none.
std::string defaultsFault(std::string_view schema);

// As create() gets them: members sorted by name. For text that has no fault.
std::string canonicalOptions(std::string_view options);

// Canonical options with a program's path in the place of each "@PROGRAM@".
std::string withProgram(std::string_view options, std::string_view path);

// Does the schema declare this option?
bool declaresOption(std::string_view schema, std::string_view name);

// Options that the schema takes and that make little sense: `base` with one member changed each,
// canonical. These a module may refuse, in good order.
std::vector<std::string> oddOptions(std::string_view schema, std::string_view base);

} // namespace patchbay::check
