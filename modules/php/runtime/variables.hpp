// [worker] $_SERVER (app-interfaces 4).
#pragma once

#include "php_api.hpp"

namespace patchbay::php {

// The software's name as $_SERVER has it; terminated, for as long as the process lives.
void setServerSoftware(const char *software) noexcept;

// The SAPI's register_server_variables: request of SG(server_context) -> array.
void registerServerVariables(zval *array);

} // namespace patchbay::php
