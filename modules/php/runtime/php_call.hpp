// [worker] The one way into PHP for a request, and the only place with zend_try.
#pragma once

#include "request.hpp"
#include "signals.hpp"

namespace patchbay::php {

// Runs request.script from PHP's start of the request to its end. sameAgain: it is the last
// request's, and nobody has touched it. false: PHP could not begin the request, or its end; else
// the answer is in request.response().
bool runScript(Request &request, SignalKeeper &signals, bool sameAgain);

} // namespace patchbay::php
