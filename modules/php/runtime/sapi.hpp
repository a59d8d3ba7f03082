// [worker] Our SAPI: the functions by which PHP asks for a request's parts and gives its output.
#pragma once

#include "request.hpp"

#include "patchbay/module.hpp"

#include <string>

namespace patchbay::php {

// Starts PHP in this process, once. [prototype] Its workers inherit it with what opcache shares.
// iniFile: absolute; empty: the system's. iniText: see settings.hpp. host must live as long as the
// process. Throws std::runtime_error.
void startPhp(const sdk::Host &host, const std::string &iniFile, const std::string &iniText);
void stopPhp() noexcept;

// This process was forked by a script (pcntl_fork()): the request is not its own.
bool isForkedByScript() noexcept;
// The worker is the main process of what its scripts fork.
void watchForks();

} // namespace patchbay::php
