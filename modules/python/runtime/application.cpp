// Worker process, main thread, in start(). Before: interpreter.cpp. After: the callables are called
// for each request by wsgi.cpp.
#include "application.hpp"

#include <stdexcept>

namespace patchbay::python {

namespace {

std::string inQuotes(const std::string &text)
{
    return '"' + text + '"';
}

// Logs `what` after the pending exception's traceback, if there is one, and throws both.
[[noreturn]] void failWith(const sdk::Host &host, const std::string &what)
{
    std::string reason;
    if (PyErr_Occurred() != nullptr) {
        reason = ": " + describeException();
        printException();
    }
    host.log(PB_LOG_ALERT, what);
    throw std::runtime_error(what + reason);
}

// The Python function behind a callable, empty if there is none (C code), and how many of its
// parameters the call itself fills.
struct Call {
    Ref function;
    int bound = 0;
};

Call functionOf(PyObject *object) noexcept
{
    if (PyMethod_Check(object)) {
        return {Ref::borrow(PyMethod_Function(object)), 1};
    }
    return {Ref::borrow(object), 0};
}

Call callOf(PyObject *callable) noexcept
{
    if (PyFunction_Check(callable) || PyMethod_Check(callable)) {
        return functionOf(callable);
    }
    if (PyType_Check(callable)) { // calling a class calls __init__ with self
        return {Ref::steal(PyObject_GetAttrString(callable, "__init__")), 1};
    }
    const Ref method = Ref::steal(PyObject_GetAttrString(callable, "__call__"));
    return method ? functionOf(method.get()) : Call{};
}

enum class Style { other, asgi2, asgi3 };

// A coroutine function, or a callable that takes one argument (ASGI 2).
Style styleOf(PyObject *callable) noexcept
{
    const Call call = callOf(callable);
    PyErr_Clear(); // no such attribute
    if (!call.function || !PyFunction_Check(call.function.get())) {
        return Style::other;
    }
    const auto *code =
        reinterpret_cast<const PyCodeObject *>(PyFunction_GetCode(call.function.get()));
    if ((code->co_flags & CO_COROUTINE) != 0) {
        return Style::asgi3;
    }
    const bool takesOne = (code->co_flags & CO_VARARGS) == 0 && code->co_argcount - call.bound == 1;
    return takesOne ? Style::asgi2 : Style::other;
}

bool looksLikeAsgi(const Callable &callable) noexcept
{
    return styleOf(callable.object.get()) != Style::other;
}

// How a person finds it in the configuration: "target "a": " or nothing.
std::string placeOf(const Target &target)
{
    return target.name.empty() ? std::string() : "target " + inQuotes(target.name) + ": ";
}

Ref callFactory(const Target &target, const sdk::Host &host, const Ref &factory)
{
    Ref application = Ref::steal(PyObject_CallNoArgs(factory.get()));
    if (!application) {
        failWith(host, placeOf(target) + "Python failed to call the factory " +
                           inQuotes(target.callable) + " of module " + inQuotes(target.module));
    }
    if (PyCallable_Check(application.get()) == 0) {
        failWith(host, placeOf(target) + "the factory " + inQuotes(target.callable) +
                           " of module " + inQuotes(target.module) + " returned " +
                           Py_TYPE(application.get())->tp_name + ", which is not callable");
    }
    return application;
}

Ref loadCallable(const Target &target, const sdk::Host &host)
{
    const Ref module = Ref::steal(PyImport_ImportModule(target.module.c_str()));
    if (!module) {
        failWith(host,
                 placeOf(target) + "Python failed to import module " + inQuotes(target.module));
    }
    Ref callable = Ref::steal(PyObject_GetAttrString(module.get(), target.callable.c_str()));
    if (!callable) {
        failWith(host, placeOf(target) + "Python failed to get " + inQuotes(target.callable) +
                           " from module " + inQuotes(target.module));
    }
    if (PyCallable_Check(callable.get()) == 0) {
        failWith(host, placeOf(target) + inQuotes(target.callable) + " in module " +
                           inQuotes(target.module) + " is not callable");
    }
    return target.factory ? callFactory(target, host, callable) : std::move(callable);
}

// One worker speaks one protocol.
bool areAsgi(const Options &options, const std::vector<Callable> &callables, const sdk::Host &host)
{
    if (options.protocol != Protocol::detected) {
        return options.protocol == Protocol::asgi;
    }
    const bool first = looksLikeAsgi(callables[0]);
    for (std::size_t i = 1; i < callables.size(); ++i) {
        if (looksLikeAsgi(callables[i]) != first) {
            failWith(host, "the targets " + inQuotes(options.targets[0].name) + " and " +
                               inQuotes(options.targets[i].name) + " are of two kinds: the " +
                               (first ? "first" : "second") +
                               " is an ASGI application, the other one WSGI; put them into two "
                               "applications, or say with \"protocol\" what both are");
        }
    }
    return first;
}

} // namespace

Application loadApplication(const Options &options, const sdk::Host &host)
{
    Application application;
    for (const Target &target : options.targets) {
        application.targets.push_back({loadCallable(target, host), target.prefix});
        Callable &callable = application.targets.back();
        callable.isAsgi2 = styleOf(callable.object.get()) == Style::asgi2;
    }
    application.asgi = areAsgi(options, application.targets, host);
    return application;
}

} // namespace patchbay::python
