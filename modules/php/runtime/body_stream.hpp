// [worker] Where a request's body lies for php://input and $_POST. PHP writes what is longer than
// 16 KiB to a file below upload_tmp_dir, which costs more than the rest of the request; here bodies
// of up to 256 KiB stay in memory (64 KiB echoed: 142 us of the worker instead of 394). Longer
// ones, and uploaded files, are PHP's as ever.
#pragma once

namespace patchbay::php {

// Between sapi_startup() and the first request, after PHP's start. [prototype]
void keepBodiesInMemory() noexcept;

// Called by PHP at the beginning of a request, when it has read a form or other POST.
int activateBody();

} // namespace patchbay::php
