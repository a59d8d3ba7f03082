// Modules in C++: write a class, name it in PB_DEFINE_MODULE at the end of one source file, and the
// C table of abi.h is made of it. Header-only. Nothing C++ crosses the boundary: exceptions end in
// here as pb_error or a log line, objects live and die inside the module.
//
//   class Door {                                                  // a listener module
//   public:
//       static constexpr const char *kScheme = "door";            // addresses "door:..."
//       Door(patchbay::sdk::Host host, std::string_view options); // throws: options refused
//       pb_socket_spec resolve(std::string_view address) const;   // throws: not a valid address
//   };
//   PB_DEFINE_MODULE(patchbay::sdk::listener<Door>("listener.door", "1.0",
//   R"({"type":"object"})"));
//
// Constructor arguments are the same for every kind. `options` is JSON that passed the schema; it
// is borrowed for the call. The destructor runs after the last use. Members marked optional may be
// left out of the class. Thread tags as in abi.h; members called [engine] run on several threads at
// once and must be const or synchronised.
#pragma once

#include "patchbay/classes.hpp"

namespace patchbay::sdk {

// ---- from class to C table; nothing for authors below but the last few functions -------------

namespace detail {

// What `self` points to: made by create(), deleted by destroy(), both in the module's own heap.
template <class T>
struct Box {
    Box(const pb_host *h, std::string_view options) : host(h), object(host, options) {}
    Host host;
    T object;
};

template <class T>
T &object(void *self) noexcept
{
    return static_cast<Box<T> *>(self)->object;
}

// Runs `work`; whatever it throws ends here and goes to `report` as a text.
template <class Work, class Report>
auto guarded(Work work, Report report) noexcept -> decltype(work())
{
    try {
        return work();
    } catch (const std::exception &e) {
        return report(e.what());
    } catch (...) {
        return report("an exception that is no std::exception was thrown");
    }
}

template <class T>
void *create(const pb_host *host, pb_str options, pb_error *error) noexcept
{
    return guarded([&]() -> void * { return new Box<T>(host, view(options)); },
                   [&](const char *text) -> void * {
                       fail(error, text);
                       return nullptr;
                   });
}

template <class T>
void destroy(void *self) noexcept
{
    delete static_cast<Box<T> *>(self);
}

template <class T>
int resolve(void *self, pb_str address, pb_socket_spec *spec, pb_error *error) noexcept
{
    return guarded(
        [&] {
            const pb_socket_spec result = object<const T>(self).resolve(view(address));
            if (spec->struct_size < sizeof result) {
                fail(error, "the server's pb_socket_spec is too small");
                return PB_ERROR;
            }
            *spec = result;
            spec->struct_size = sizeof result;
            return PB_OK;
        },
        [&](const char *text) {
            fail(error, text);
            return PB_ERROR;
        });
}

template <class T>
int accept(void *self, int listenFd, sockaddr *peer, socklen_t *size) noexcept
{
    return object<const T>(self).accept(listenFd, peer, size);
}

// An encoder that throws has no way to say so: the size no memory has, or the wrong number of bytes
// written, fail the request.
template <class T>
std::size_t encodedSize(void *self, const pb_request *request) noexcept
{
    return guarded([&] { return object<const T>(self).encodedSize(*request); },
                   [](const char *) { return SIZE_MAX; });
}

template <class T>
std::size_t encode(void *self, const pb_request *request, std::uint8_t *out,
                   std::size_t capacity) noexcept
{
    return guarded([&] { return object<const T>(self).encode(*request, out, capacity); },
                   [](const char *) { return SIZE_MAX; });
}

template <class T>
int start(void *self, std::uint32_t threads, pb_error *error) noexcept
{
    return guarded(
        [&] {
            object<T>(self).start(threads);
            return PB_OK;
        },
        [&](const char *text) {
            fail(error, text);
            return PB_ERROR;
        });
}

template <class T>
void *threadEnter(void *self) noexcept
{
    if constexpr (HasThreads<T>) {
        return guarded([&] { return object<T>(self).threadEnter(); },
                       [&](const char *text) -> void * {
                           static_cast<Box<T> *>(self)->host.log(PB_LOG_ALERT, text);
                           return nullptr;
                       });
    } else {
        return nullptr;
    }
}

template <class T>
void threadLeave(void *self, void *thread) noexcept
{
    if constexpr (HasThreads<T>) {
        guarded(
            [&] { object<T>(self).threadLeave(thread); },
            [&](const char *text) { static_cast<Box<T> *>(self)->host.log(PB_LOG_ALERT, text); });
    }
}

template <class T>
int serve(void *self, void *thread, const pb_exchange *raw) noexcept
{
    return guarded([&] { return object<T>(self).serve(thread, Exchange(*raw)) ? PB_OK : PB_ERROR; },
                   [&](const char *text) {
                       char line[512];
                       std::snprintf(line, sizeof line, "#%llu %s",
                                     static_cast<unsigned long long>(raw->id), text);
                       static_cast<Box<T> *>(self)->host.log(PB_LOG_ERROR, line);
                       return PB_ERROR;
                   });
}

template <class T>
void stop(void *self) noexcept
{
    if constexpr (HasStop<T>) {
        guarded(
            [&] { object<T>(self).stop(); },
            [&](const char *text) { static_cast<Box<T> *>(self)->host.log(PB_LOG_ALERT, text); });
    }
}

template <class T>
int loop(void *self, void *thread, const pb_loop *raw, pb_error *error) noexcept
{
    return guarded([&] { return object<T>(self).loop(thread, *raw); },
                   [&](const char *text) {
                       fail(error, text);
                       return PB_ERROR;
                   });
}

template <class T>
constexpr auto loopOrNull() -> int (*)(void *, void *, const pb_loop *, pb_error *)
{
    if constexpr (HasLoop<T>) {
        return &loop<T>;
    } else {
        return nullptr;
    }
}

template <class T>
void become(void *self, pb_error *error) noexcept
{
    guarded([&] { object<T>(self).become(); }, [&](const char *text) { fail(error, text); });
}

template <class T>
void finished(void *self, const pb_finished *what) noexcept
{
    guarded([&] { object<T>(self).finished(*what); }, [](const char *) {});
}

template <class T>
void reopen(void *self) noexcept
{
    guarded([&] { object<T>(self).reopen(); },
            [&](const char *text) { static_cast<Box<T> *>(self)->host.log(PB_LOG_ALERT, text); });
}

template <class T>
constexpr auto reopenOrNull() -> void (*)(void *)
{
    if constexpr (HasReopen<T>) {
        return &reopen<T>;
    } else {
        return nullptr;
    }
}

template <class T>
constexpr auto acceptOrNull() -> int (*)(void *, int, sockaddr *, socklen_t *)
{
    if constexpr (HasAccept<T>) {
        return &accept<T>;
    } else {
        return nullptr;
    }
}

template <class T>
inline constexpr pb_listener_ops kListenerOps{sizeof(pb_listener_ops), 0, T::kScheme, &resolve<T>,
                                              acceptOrNull<T>()};

template <class T>
inline constexpr pb_encoder_ops kEncoderOps{sizeof(pb_encoder_ops), 0, &encodedSize<T>, &encode<T>};

template <class T>
inline constexpr pb_sink_ops kSinkOps{sizeof(pb_sink_ops), 0, &finished<T>, reopenOrNull<T>()};

template <class T>
inline constexpr pb_runtime_ops kRuntimeOps{
    sizeof(pb_runtime_ops), 0,         &start<T>, &threadEnter<T>,
    &threadLeave<T>,        &serve<T>, &stop<T>,  nullptr,
    loopOrNull<T>()};

template <class T>
inline constexpr pb_runtime_ops kProgramOps{
    sizeof(pb_runtime_ops), 0, nullptr, nullptr, nullptr, nullptr, nullptr, &become<T>, nullptr};

// At compile time: an id of another kind, or with other characters, does not compile.
consteval void checkId(std::string_view id, std::string_view prefix)
{
    if (!id.starts_with(prefix) || id.size() == prefix.size()) {
        throw "the id must be the kind, a dot and a name: listener.tcp";
    }
    for (const char c : id.substr(prefix.size())) {
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            throw "the name in an id consists of a-z, 0-9 and _";
        }
    }
}

template <class T>
consteval pb_module describe(pb_kind kind, const char *id, const char *version, const char *schema,
                             const void *ops)
{
    return {PB_ABI_MAJOR, PB_ABI_MINOR, sizeof(pb_module), kind,        id,
            version,      schema,       &create<T>,        &destroy<T>, ops};
}

} // namespace detail

// The descriptor of a module made of class T. All texts must be literals. version: of the module;
// of a runtime, of its language. schema: JSON Schema of the options, an object.
template <ListenerClass T>
consteval pb_module listener(const char *id, const char *version, const char *schema)
{
    detail::checkId(id, "listener.");
    return detail::describe<T>(PB_KIND_LISTENER, id, version, schema, &detail::kListenerOps<T>);
}

template <EncoderClass T>
consteval pb_module encoder(const char *id, const char *version, const char *schema)
{
    detail::checkId(id, "encoder.");
    return detail::describe<T>(PB_KIND_ENCODER, id, version, schema, &detail::kEncoderOps<T>);
}

template <SinkClass T>
consteval pb_module sink(const char *id, const char *version, const char *schema)
{
    detail::checkId(id, "sink.");
    return detail::describe<T>(PB_KIND_SINK, id, version, schema, &detail::kSinkOps<T>);
}

template <RuntimeClass T>
consteval pb_module runtime(const char *id, const char *version, const char *schema)
{
    detail::checkId(id, "runtime.");
    return detail::describe<T>(PB_KIND_RUNTIME, id, version, schema, &detail::kRuntimeOps<T>);
}

template <ProgramClass T>
consteval pb_module program(const char *id, const char *version, const char *schema)
{
    detail::checkId(id, "runtime.");
    return detail::describe<T>(PB_KIND_RUNTIME, id, version, schema, &detail::kProgramOps<T>);
}

} // namespace patchbay::sdk

// Once per shared object, at file scope. The symbol is constant data: loading runs no code.
#define PB_DEFINE_MODULE(...)                                                                      \
    extern "C" PB_EXPORT const pb_module patchbay_module;                                          \
    constinit const pb_module patchbay_module = __VA_ARGS__
