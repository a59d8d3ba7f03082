// Instances of modules: C++ faces of the C tables. An instance keeps its module's file mapped.
// Nothing a module throws gets past here.
#pragma once

#include "patchbay/abi.h"

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace patchbay::modules {

class LoadedModule; // loader.hpp: a mapped .so and its checked descriptor

// what() is `The listener address "x" is invalid.`; reason() is the module's own explanation.
class InvalidAddress : public Error {
public:
    InvalidAddress(std::string_view address, std::string reason);
    const std::string &reason() const noexcept { return reason_; } // may be empty

private:
    std::string reason_;
};

class Instance {
public:
    // [control] Calls create(); throws Error with the module's file and text on failure. options is
    // the JSON text that passed the module's schema. host must outlive the instance.
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
    // [control] Throws InvalidAddress (config.md 3.1), or Error when the module's answer breaks the
    // contract.
    pb_socket_spec resolve(std::string_view address) const;
    // [engine] A connected descriptor or -1 with errno.
    int accept(int listenFd, sockaddr *peer, socklen_t *peerSize) const noexcept;
};

class EncoderInstance : public Instance {
public:
    using Instance::Instance;
    // [engine] At most kMaxSize, so that sums with it do not overflow; kMaxSize when the module
    // failed: no memory is that large.
    static constexpr std::size_t kMaxSize = std::size_t{1} << 40;
    std::size_t encodedSize(const pb_request &request) const noexcept;
    // [engine] False when the module wrote another size than it promised: the request fails.
    bool encode(const pb_request &request, std::uint8_t *out, std::size_t size) const noexcept;
};

class SinkInstance : public Instance {
public:
    using Instance::Instance;
    void finished(const pb_finished &what) const noexcept; // [engine]
    void reopen() const noexcept;                          // [control]
};

class RuntimeInstance : public Instance { // in prototype and worker
public:
    RuntimeInstance(std::shared_ptr<const LoadedModule> module, const pb_host &host,
                    std::string_view options);
    // A table as long as ours: what the module's does not cover is null.
    const pb_runtime_ops &runtime() const noexcept { return table_; }
    void *object() const noexcept { return self(); }

private:
    pb_runtime_ops table_{};
};

} // namespace patchbay::modules
