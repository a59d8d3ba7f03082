// [any] What the core offers to modules in this process: the product's names and the event log.
#pragma once

#include "patchbay/abi.h"

namespace patchbay::modules {

// One for all instances, never freed. Names are those of setProduct() at the first call.
const pb_host &host() noexcept;

} // namespace patchbay::modules
