// [control] What the schema cannot say of an application's processes. Part of config_rules.
#pragma once

#include "json/schema.hpp"

namespace patchbay::control {

// The option "environment": an object of strings that execve() and putenv() can take
// (config.md 5.1).
void checkEnvironment(const json::Value &environment, json::Report &report);
// The option "processes": a number, or an object whose numbers must fit together.
void checkProcesses(const json::Value &value, json::Report &report);
// Each request thread of each worker has a seat in the application's shared memory. "threads" is an
// option of the runtime, but what it must fit into is the core's.
void checkSeats(const json::Value &application, json::Report &report);
// "thread_stack_size" is a runtime's option, too; the core makes the threads.
void checkThreadStack(const json::Value &application, json::Report &report);

} // namespace patchbay::control
