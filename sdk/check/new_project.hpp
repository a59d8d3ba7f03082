// patchbay-module: a new module's project, made from the template.
#pragma once

#include <string>
#include <vector>

namespace patchbay::check {

// The kinds that there is a template of: "listener", "encoder", ...
std::vector<std::string> templateKinds();

// Writes the project into the directory, which must not exist or be empty. name: of a-z, 0-9 and _,
// the part of the module's id behind the dot. Returns the files written. Throws Error.
std::vector<std::string> newProject(const std::string &kind, const std::string &name,
                                    const std::string &directory);

} // namespace patchbay::check
