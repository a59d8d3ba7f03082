// Instances of modules: C++ faces of the C tables. An instance keeps its module's file mapped.
#pragma once

#include "patchbay/abi.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace patchbay::modules {

class LoadedModule; // loader.hpp: a mapped .so and its checked descriptor

class Instance {
public:
    // [control] Calls create(); throws Error with the module's file and text on failure. options is
    // the JSON text that passed the module's schema.
    Instance(std::shared_ptr<const LoadedModule> module, const pb_host &host,
             std::string_view options);
    ~Instance(); // [control] calls destroy()
    Instance(const Instance &) = delete;
    Instance &operator=(const Instance &) = delete;

protected:
    const void *ops() const noexcept;
    void *self() const noexcept { return self_; }
    const LoadedModule &module() const noexcept { return *module_; }

private:
    std::shared_ptr<const LoadedModule> module_;
    void *self_ = nullptr;
};

class ListenerInstance : public Instance {
public:
    using Instance::Instance;
    // [control] Throws Error: `The listener address "x" is invalid.` (config.md 3.1)
    pb_socket_spec resolve(std::string_view address) const;
    // [engine] A connected descriptor or -1 with errno.
    int accept(int listenFd, sockaddr *peer, socklen_t *peerSize) const noexcept;
};

class EncoderInstance : public Instance {
public:
    using Instance::Instance;
    std::size_t encodedSize(const pb_request &request) const noexcept;                  // [engine]
    // False when the module wrote another size than it promised: the request fails.   [engine]
    bool encode(const pb_request &request, std::uint8_t *out, std::size_t size) const noexcept;
};

class RuntimeInstance : public Instance { // in prototype and worker
public:
    using Instance::Instance;
    const pb_runtime_ops &runtime() const noexcept;
    void *object() const noexcept { return self(); }
};

} // namespace patchbay::modules
