// [control] One JSON Schema of the whole configuration, for editors and other tools: what the core
// and the modules that are there accept. Made from the same texts that configurations are checked
// with; rules that only code can say (config_rules.hpp) are not in it.
#pragma once

#include "module/catalog.hpp"
#include "json/value.hpp"

namespace patchbay::control {

// JSON Schema draft 2020-12 without keywords of our own. What is not built in is left out. Throws
// Error when a module's schema is broken.
json::Value configurationSchema(const modules::Catalog &catalog);

} // namespace patchbay::control
