// [prototype] options.admin and options.user: php.ini values of the application.
#pragma once

#include "options.hpp"

#include "patchbay/module.hpp"

#include <string>
#include <vector>

namespace patchbay::php {

// A text that PHP reads behind its php.ini files, so that settings count which PHP looks at only
// while it starts (extension, disable_functions, opcache.memory_consumption).
std::string iniText(const std::vector<Setting> &settings);

// Once PHP has started: sets what the text could not say, takes admin's values out of the scripts'
// reach and logs the names that nobody knows.
void settle(const std::vector<Setting> &settings, const sdk::Host &host);

} // namespace patchbay::php
