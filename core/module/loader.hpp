// [control], and main threads of discovery, prototype and worker. A module's file, mapped, its
// descriptor checked. The one part of the core that knows how shared objects are loaded.
#pragma once

#include "patchbay/abi.h"

#include "base/error.hpp"
#include "module/check.hpp"

#include <memory>
#include <string>

namespace patchbay::modules {

enum class LoadAs {
    routerModule, // RTLD_LOCAL; unmapped with the last reference
    runtime       // RTLD_GLOBAL: extensions of the language look its symbols up; never unmapped
};

// "FILE: CAUSE" of what is no module or breaks the contract.
class BrokenModule : public Error {
public:
    BrokenModule(const std::string &file, const Fault &fault)
        : Error(file + ": " + fault.text), fault_(fault)
    {
    }
    const Fault &fault() const noexcept { return fault_; }

private:
    Fault fault_;
};

class LoadedModule {
public:
    // Throws BrokenModule. The linker knows what is mapped by its path as it was spelled: a file
    // that has taken the place of one that is still mapped needs another `spelling`.
    static std::shared_ptr<const LoadedModule>
    load(const std::string &file, LoadAs how = LoadAs::routerModule, unsigned spelling = 0);

    const pb_module &descriptor() const noexcept { return *descriptor_; }
    const std::string &file() const noexcept { return file_; }
    // Of a listener module: "unix", or "" for addresses without a scheme.
    std::string listenerScheme() const;

private:
    LoadedModule(std::string file, std::shared_ptr<const pb_module> descriptor)
        : file_(std::move(file)), descriptor_(std::move(descriptor))
    {
    }

    std::string file_;
    std::shared_ptr<const pb_module> descriptor_; // keeps the file mapped
};

} // namespace patchbay::modules
