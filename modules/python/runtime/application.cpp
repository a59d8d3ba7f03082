// Worker process, main thread, in start(). Before: interpreter.cpp. After: the callable is called
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
struct Target {
    Ref function;
    int bound = 0;
};

Target functionOf(PyObject *object) noexcept
{
    if (PyMethod_Check(object)) {
        return {Ref::borrow(PyMethod_Function(object)), 1};
    }
    return {Ref::borrow(object), 0};
}

Target targetOf(PyObject *callable) noexcept
{
    if (PyFunction_Check(callable) || PyMethod_Check(callable)) {
        return functionOf(callable);
    }
    if (PyType_Check(callable)) { // calling a class calls __init__ with self
        return {Ref::steal(PyObject_GetAttrString(callable, "__init__")), 1};
    }
    const Ref call = Ref::steal(PyObject_GetAttrString(callable, "__call__"));
    return call ? functionOf(call.get()) : Target{};
}

// config.md 5.3: a coroutine function, or a callable that takes one argument (ASGI 2).
bool looksLikeAsgi(PyObject *callable) noexcept
{
    const Target target = targetOf(callable);
    PyErr_Clear(); // no such attribute
    if (!target.function || !PyFunction_Check(target.function.get())) {
        return false;
    }
    const auto *code =
        reinterpret_cast<const PyCodeObject *>(PyFunction_GetCode(target.function.get()));
    if ((code->co_flags & CO_COROUTINE) != 0) {
        return true;
    }
    return (code->co_flags & CO_VARARGS) == 0 && code->co_argcount - target.bound == 1;
}

Ref callFactory(const Options &options, const sdk::Host &host, const Ref &factory)
{
    Ref application = Ref::steal(PyObject_CallNoArgs(factory.get()));
    if (!application) {
        failWith(host, "Python failed to call the factory " + inQuotes(options.callable) +
                           " of module " + inQuotes(options.module));
    }
    if (PyCallable_Check(application.get()) == 0) {
        failWith(host, "the factory " + inQuotes(options.callable) + " of module " +
                           inQuotes(options.module) + " returned " +
                           Py_TYPE(application.get())->tp_name + ", which is not callable");
    }
    return application;
}

} // namespace

Ref loadApplication(const Options &options, const sdk::Host &host)
{
    const Ref module = Ref::steal(PyImport_ImportModule(options.module.c_str()));
    if (!module) {
        failWith(host, "Python failed to import module " + inQuotes(options.module));
    }
    Ref callable = Ref::steal(PyObject_GetAttrString(module.get(), options.callable.c_str()));
    if (!callable) {
        failWith(host, "Python failed to get " + inQuotes(options.callable) + " from module " +
                           inQuotes(options.module));
    }
    if (PyCallable_Check(callable.get()) == 0) {
        failWith(host, inQuotes(options.callable) + " in module " + inQuotes(options.module) +
                           " is not callable");
    }
    if (options.factory) {
        callable = callFactory(options, host, callable);
    }
    if (looksLikeAsgi(callable.get())) {
        failWith(host, inQuotes(options.callable) + " in module " + inQuotes(options.module) +
                           " is an ASGI application: ASGI is not supported by this build");
    }
    return callable;
}

} // namespace patchbay::python
