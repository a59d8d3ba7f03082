// patchbay-module, child process of one check, before the module is loaded.
#pragma once

namespace patchbay::check {

// Takes from this process, one thread, what a module needs to harm the system: root (it becomes
// "nobody"), the network (a namespace of its own with nothing but loopback), writing to files, core
// dumps, more privileges by set-user-id programs. Without the right to make a namespace the network
// stays. Throws SystemError.
void enterSandbox();

} // namespace patchbay::check
