// Used by supervisor.cpp (router, prototypes) and discovery_child.cpp.
#include "main/child.hpp"

#include "base/log.hpp"
#include "base/process_title.hpp"
#include "worker/process_setup.hpp"

#include <unistd.h>

#include <cstdio>
#include <exception>

namespace patchbay::main_ {

pid_t forkChild(const std::string &title, std::span<const int> keep,
                const std::function<int()> &body)
{
    std::fflush(nullptr); // what lies in stdio's buffers must not come out twice
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    int status = 1;
    try {
        worker::closeOtherDescriptors(keep);
        worker::resetSignals();
        worker::detachInput();
        if (!title.empty()) {
            setProcessTitle(std::string(product().program) + ": " + title);
        }
        status = body();
    } catch (const std::exception &error) {
        log::alert("%s", error.what());
    } catch (...) {
        log::alert("a child process failed for an unknown reason");
    }
    std::fflush(nullptr);
    _exit(status);
}

} // namespace patchbay::main_
