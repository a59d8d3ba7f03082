// What authors of modules in C++ meet: the core's services, the exchange, and the members that
// their classes must or may have. Included by module.hpp, which says how a module is made of a
// class.
#pragma once

#include "patchbay/abi.h"

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace patchbay::sdk {

// Borrowed bytes, both ways. An absent pb_str (data NULL) reads as empty; ask data when it matters.
inline std::string_view view(pb_str text) noexcept
{
    return text.data == nullptr ? std::string_view{} : std::string_view{text.data, text.size};
}
inline pb_str borrow(std::string_view text) noexcept
{
    return {text.data(), text.size()};
}

// An error to be filled by the core. The caller's memory.
inline pb_error makeError() noexcept
{
    pb_error error{};
    error.struct_size = sizeof error;
    return error;
}

// Writes a text for a person into the core's error; what does not fit is cut. [any]
inline void fail(pb_error *error, const char *text) noexcept
{
    if (error != nullptr && error->struct_size >= sizeof(pb_error)) {
        std::snprintf(error->text, sizeof error->text, "%s", text);
    }
}

// What the core offers. A copy is one pointer; valid until the instance's destructor has ended.
class Host {
public:
    explicit Host(const pb_host *host) noexcept : host_(host) {}

    const char *product() const noexcept { return host_->product; }   // "Patchbay"
    const char *software() const noexcept { return host_->software; } // "Patchbay/0.1.0"
    const char *program() const noexcept { return host_->program; }   // "patchbay"

    // [any] One line to the event log.
    void log(pb_log_level level, std::string_view message) const noexcept
    {
        host_->log(host_->context, level, borrow(message));
    }

private:
    const pb_host *host_; // the core's
};

// One request being served: pb_exchange with C++ types. Only for the thread in serve(), only until
// it returns.
class Exchange {
public:
    explicit Exchange(const pb_exchange &raw) noexcept : raw_(raw) {}

    // What the encoder wrote. Not to be kept, not to be changed.
    std::span<const std::uint8_t> message() const noexcept
    {
        return {raw_.message, raw_.message_size};
    }
    std::uint64_t contentLength() const noexcept { return raw_.content_length; }
    std::uint64_t id() const noexcept { return raw_.id; }

    // Blocks. Bytes read, 0 at the end, -1: cancelled.
    std::int64_t readBody(void *buffer, std::size_t size) const noexcept
    {
        return raw_.read_body(raw_.context, buffer, size);
    }
    // Once, before write(). False: error says why. Fields are copied.
    bool head(std::uint32_t status, std::span<const pb_field> fields,
              pb_error &error) const noexcept
    {
        return raw_.head(raw_.context, status, fields.data(), fields.size(), &error) == PB_OK;
    }
    // Blocks while the client is slow; copied. False: the client is gone.
    bool write(std::string_view data) const noexcept
    {
        return raw_.write(raw_.context, data.data(), data.size()) == PB_OK;
    }
    // May be held back until the next write or the end.
    bool writeBuffered(std::string_view data) const noexcept
    {
        return raw_.write_buffered(raw_.context, data.data(), data.size()) == PB_OK;
    }
    bool cancelled() const noexcept { return raw_.cancelled(raw_.context) != 0; }
    // The response is complete, or has failed, though serve() goes on (ABI 1.1). False: no head
    // was given.
    bool finish(bool complete) const noexcept
    {
        return raw_.finish(raw_.context, complete ? PB_OK : PB_ERROR) == PB_OK;
    }
    const pb_exchange &raw() const noexcept { return raw_; }

private:
    const pb_exchange &raw_; // the core's
};

// ---- what a class must have ---------------------------------------------------------------

template <class T>
concept ModuleClass =
    std::constructible_from<T, Host, std::string_view> && std::is_nothrow_destructible_v<T>;

template <class T>
concept ListenerClass = ModuleClass<T> && requires(const T self, std::string_view address)
{
    // The scheme of its addresses; "" for addresses without one.
    {
        T::kScheme
        } -> std::convertible_to<const char *>;
    // [control] What to bind for this text. Throws a std::exception: not a valid address.
    {
        self.resolve(address)
        } -> std::same_as<pb_socket_spec>;
};

// Optional: [engine] int accept(int listenFd, sockaddr *peer, socklen_t *peerSize) const noexcept;
// returns a connected descriptor (non-blocking, close-on-exec; the core's from then on) or -1 with
// errno.
template <class T>
concept HasAccept = requires(const T self, sockaddr *peer, socklen_t *size)
{
    {
        self.accept(0, peer, size)
    }
    noexcept->std::same_as<int>;
};

template <class T>
concept EncoderClass = ModuleClass<T> &&
    requires(const T self, const pb_request &request, std::uint8_t *out, std::size_t size)
{
    // [engine] Pure: the same request gives the same size and the same bytes; allocates nothing.
    {
        self.encodedSize(request)
        } -> std::same_as<std::size_t>;
    // [engine] Writes encodedSize() bytes; capacity is at least that. Returns the number written.
    {
        self.encode(request, out, size)
        } -> std::same_as<std::size_t>;
};

template <class T>
concept SinkClass = ModuleClass<T> && requires(T self, const pb_finished &finished)
{
    // [engine] On any of them, on several at once; must not block. What it throws is dropped.
    self.finished(finished);
};

// Optional: [control] void reopen(); logs were rotated.
template <class T>
concept HasReopen = requires(T self)
{
    self.reopen();
};

template <class T>
concept RuntimeClass = ModuleClass<T> &&
    requires(T self, std::uint32_t threads, void *thread, const Exchange &exchange)
{
    // [worker] Main thread. Brings the application up; throws when it cannot.
    self.start(threads);
    // [worker] Serves one request; true: the response is complete. false or an exception (logged):
    // the application failed, the client gets 503 or, when the head went out, a cut connection.
    {
        self.serve(thread, exchange)
        } -> std::same_as<bool>;
};

// Optional: [worker] void *threadEnter(); void threadLeave(void *thread);
// on each request thread, before its first and after its last serve(), which gets the pointer.
template <class T>
concept HasThreads = requires(T self, void *thread)
{
    {
        self.threadEnter()
        } -> std::same_as<void *>;
    self.threadLeave(thread);
};

// Optional: [worker] int loop(void *thread, const pb_loop &loop); on each request thread, as in
// pb_runtime_ops. PB_OK, PB_SERVE, or an exception: this worker cannot start, or not go on.
template <class T>
concept HasLoop = requires(T self, void *thread, const pb_loop &loop)
{
    {
        self.loop(thread, loop)
        } -> std::same_as<int>;
};

// A runtime whose workers are programs of their own (sdk/PROTOCOL.md).
template <class T>
concept ProgramClass = ModuleClass<T> && requires(T self)
{
    // [worker] Main thread. Executes the program; throws when it cannot.
    self.become();
};

// Optional: [worker] void stop(); main thread, after the last request.
template <class T>
concept HasStop = requires(T self)
{
    self.stop();
};

} // namespace patchbay::sdk
