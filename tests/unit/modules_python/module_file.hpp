// Loads a module's shared object as the core does: router modules locally, runtimes globally.
#pragma once

#include "patchbay/abi.h"

#include <dlfcn.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace fixture {

inline const pb_module &loadModule(const char *file, int scope)
{
    void *handle = dlopen(file, RTLD_NOW | scope); // stays until the process ends
    const void *symbol = handle == nullptr ? nullptr : dlsym(handle, PB_MODULE_SYMBOL);
    if (symbol == nullptr) {
        throw std::runtime_error(std::string("cannot load ") + file + ": " + dlerror());
    }
    return *static_cast<const pb_module *>(symbol);
}

// A host whose log can be looked at. Not copied: modules keep its address.
struct FakeHost {
    FakeHost()
    {
        raw = {sizeof raw, PB_ABI_MINOR, "Patchbay", "Patchbay/0.1.0", "patchbay", this, &write};
    }
    FakeHost(const FakeHost &) = delete;
    FakeHost &operator=(const FakeHost &) = delete;

    static void write(void *context, std::uint32_t level, pb_str message)
    {
        static const char *const kNames[] = {"alert", "error", "warn", "notice", "info", "debug"};
        static_cast<FakeHost *>(context)->lines.push_back(std::string("[") + kNames[level] + "] " +
                                                          std::string(message.data, message.size));
    }

    pb_host raw;
    std::vector<std::string> lines; // under the GIL of a runtime
};

} // namespace fixture
