// Router [control] makes and resolves, [engine] accepts and encodes; prototype and worker have the
// runtime. Before: loader.cpp. After: config/ pools the instances, app/ and client/ use them.
#include "module/instance.hpp"

#include "base/log.hpp"
#include "module/check.hpp"
#include "module/loader.hpp"

#include <fcntl.h>
#include <sys/socket.h>

namespace patchbay::modules {

namespace {

pb_error makeError() noexcept
{
    pb_error error{};
    error.struct_size = sizeof error;
    return error;
}

// The module may have filled the text to the brim.
std::string errorText(pb_error &error)
{
    error.text[sizeof error.text - 1] = '\0';
    return error.text;
}

// What is wrong with a module's answer; empty: nothing. main checks it again.
std::string specFault(const pb_socket_spec &spec)
{
    constexpr std::uint32_t kFlags = PB_SOCKET_V6ONLY | PB_SOCKET_NODELAY | PB_SOCKET_UNLINK;
    if (spec.struct_size != sizeof spec) {
        return "a struct_size that is not the server's";
    }
    if (spec.type != SOCK_STREAM || (spec.flags & ~kFlags) != 0 || spec.backlog < -1) {
        return "an unknown type, flag or backlog";
    }
    if (spec.address_size < sizeof(sa_family_t) || spec.address_size > sizeof spec.address) {
        return "an address of impossible size";
    }
    if (std::memchr(spec.canonical, '\0', sizeof spec.canonical) == nullptr ||
        spec.canonical[0] == '\0') {
        return "no canonical name";
    }
    return {};
}

} // namespace

InvalidAddress::InvalidAddress(std::string_view address, std::string reason)
    : Error("The listener address \"" + std::string(address) + "\" is invalid."),
      reason_(std::move(reason))
{
}

Instance::Instance(std::shared_ptr<const LoadedModule> module, const pb_host &host,
                   std::string_view options)
    : module_(std::move(module))
{
    pb_error error = makeError();
    std::string text;
    try {
        self_ = module_->descriptor().create(&host, {options.data(), options.size()}, &error);
        text = errorText(error);
    } catch (const std::exception &e) {
        text = std::string("create() threw across the module boundary: ") + e.what();
    } catch (...) {
        text = "create() threw across the module boundary";
    }
    if (self_ == nullptr) {
        throw Error(module_->file() + ": " +
                    (text.empty() ? "create() failed and did not say why" : text));
    }
}

Instance::~Instance()
{
    try {
        module_->descriptor().destroy(self_);
    } catch (...) {
        log::alert("%s: destroy() threw across the module boundary", module_->file().c_str());
    }
}

const void *Instance::ops() const noexcept
{
    return module_->descriptor().ops;
}

pb_socket_spec ListenerInstance::resolve(std::string_view address) const
{
    const auto &table = *static_cast<const pb_listener_ops *>(ops());
    pb_socket_spec spec{};
    spec.struct_size = sizeof spec;
    pb_error error = makeError();
    int result = PB_ERROR;
    try {
        result = table.resolve(self(), {address.data(), address.size()}, &spec, &error);
    } catch (...) {
        throw Error(module().file() + ": resolve() threw across the module boundary");
    }
    if (result != PB_OK) {
        throw InvalidAddress(address, errorText(error));
    }
    if (const std::string fault = specFault(spec); !fault.empty()) {
        throw Error(module().file() + ": resolve() returned " + fault);
    }
    return spec;
}

int ListenerInstance::accept(int listenFd, sockaddr *peer, socklen_t *peerSize) const noexcept
{
    const auto &table = *static_cast<const pb_listener_ops *>(ops());
    if (!covers(table, table.accept) || table.accept == nullptr) {
        return ::accept4(listenFd, peer, peerSize, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    try {
        return table.accept(self(), listenFd, peer, peerSize);
    } catch (...) {
        errno = EPROTO;
        return -1;
    }
}

std::size_t EncoderInstance::encodedSize(const pb_request &request) const noexcept
{
    const auto &table = *static_cast<const pb_encoder_ops *>(ops());
    try {
        return std::min(table.encoded_size(self(), &request), kMaxSize);
    } catch (...) {
        return kMaxSize;
    }
}

bool EncoderInstance::encode(const pb_request &request, std::uint8_t *out,
                             std::size_t size) const noexcept
{
    const auto &table = *static_cast<const pb_encoder_ops *>(ops());
    try {
        return table.encode(self(), &request, out, size) == size;
    } catch (...) {
        return false;
    }
}

void SinkInstance::finished(const pb_finished &what) const noexcept
{
    try {
        static_cast<const pb_sink_ops *>(ops())->finished(self(), &what);
    } catch (...) { // said in the contract: dropped
    }
}

void SinkInstance::reopen() const noexcept
{
    const auto &table = *static_cast<const pb_sink_ops *>(ops());
    if (!covers(table, table.reopen) || table.reopen == nullptr) {
        return;
    }
    try {
        table.reopen(self());
    } catch (...) {
        log::alert("%s: reopen() threw across the module boundary", module().file().c_str());
    }
}

RuntimeInstance::RuntimeInstance(std::shared_ptr<const LoadedModule> module, const pb_host &host,
                                 std::string_view options)
    : Instance(std::move(module), host, options)
{
    const auto *table = static_cast<const pb_runtime_ops *>(ops());
    std::memcpy(&table_, table, std::min<std::size_t>(table->struct_size, sizeof table_));
}

} // namespace patchbay::modules
