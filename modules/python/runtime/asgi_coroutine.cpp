// Worker process, request threads. Made and started by asgi.cpp, stepped by asyncio's task; what
// the application asks for meanwhile is asgi_request.cpp.
#include "asgi.hpp"
#include "asgi_request.hpp"

namespace patchbay::python {

namespace {

AsgiRequest &of(PyObject *object) noexcept
{
    return AsgiRequestType::of(object);
}

// The application is done; a pending exception is its failure, which the loop logs. A cancelled
// task learns that it was; all else would be logged by asyncio a second time.
PySendResult conclude(PyObject *self)
{
    AsgiRequest &request = of(self);
    Py_CLEAR(request.application);
    TakenException error;
    if (request.loop == nullptr || !request.loop->taskEnded(request, error.value())) {
        return PYGEN_RETURN;
    }
    error.restore();
    return PYGEN_ERROR;
}

PySendResult step(PyObject *self, PyObject *value, PyObject **result)
{
    if (of(self).application == nullptr) {
        PyErr_SetString(PyExc_RuntimeError, "the request is over");
        return PYGEN_ERROR;
    }
    const Ref application = Ref::borrow(of(self).application);
    PySendResult got = PyIter_Send(application.get(), value, result);
    if (got == PYGEN_NEXT) {
        return got;
    }
    Py_CLEAR(*result);
    got = conclude(self);
    *result = got == PYGEN_RETURN ? Py_NewRef(Py_None) : nullptr;
    return got;
}

PyObject *send(PyObject *self, PyObject *value)
{
    PyObject *result = nullptr;
    if (step(self, value, &result) == PYGEN_RETURN) {
        Py_CLEAR(result);
        PyErr_SetNone(PyExc_StopIteration);
    }
    return result;
}

PyObject *iterate(PyObject *self)
{
    return send(self, Py_None);
}

PyObject *throwInto(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count < 1 || !PyExceptionInstance_Check(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "throw() takes an exception");
        return nullptr;
    }
    PyObject *exception = arguments[0];
    const Ref application = Ref::borrow(of(self).application);
    const Ref thrower =
        application ? Ref::steal(PyObject_GetAttrString(application.get(), "throw")) : Ref();
    if (thrower) {
        PyObject *result = PyObject_CallOneArg(thrower.get(), exception);
        if (result != nullptr) {
            return result;
        }
        if (PyErr_ExceptionMatches(PyExc_StopIteration) != 0) { // it has caught it, and returned
            PyErr_Clear();
        }
    } else { // a mere iterator
        PyErr_SetObject(reinterpret_cast<PyObject *>(Py_TYPE(exception)), exception);
    }
    if (application && conclude(self) == PYGEN_RETURN) {
        PyErr_SetNone(PyExc_StopIteration);
    }
    return nullptr;
}

// Nobody steps it any more.
PyObject *close(PyObject *self, PyObject *)
{
    if (of(self).application != nullptr && conclude(self) == PYGEN_ERROR) {
        return nullptr;
    }
    Py_RETURN_NONE;
}

int traverse(PyObject *object, visitproc visit, void *arg) noexcept
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(of(object).application);
    Py_VISIT(of(object).receiving);
    Py_VISIT(of(object).sending);
    return 0;
}

int clear(PyObject *object) noexcept
{
    Py_CLEAR(of(object).application);
    Py_CLEAR(of(object).receiving);
    Py_CLEAR(of(object).sending);
    return 0;
}

void deallocate(PyObject *object) noexcept
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    clear(object);
    if (of(object).loop != nullptr) {
        of(object).loop->forget(of(object));
    }
    dropData(of(object));
    type->tp_free(object);
    Py_DECREF(type);
}

PyMethodDef kMethods[] = {{"send", &send, METH_O, nullptr},
                          {"throw", asMethod(&throwInto), METH_FASTCALL, nullptr},
                          {"close", &close, METH_NOARGS, nullptr},
                          {nullptr, nullptr, 0, nullptr}};

PyMethodDef kReceive = {"receive", &receiveMessage, METH_NOARGS, nullptr};
PyMethodDef kSend = {"send", &sendMessage, METH_O, nullptr};

} // namespace

AsgiRequestType::AsgiRequestType()
    : type_(makeCoroutineType("patchbay.Request", sizeof(AsgiRequest),
                              {&deallocate, &traverse, &clear, &step, &iterate, kMethods}))
{
}

Ref AsgiRequestType::make(AsgiLoop &loop, pb_exchange &exchange) const
{
    auto *type = reinterpret_cast<PyTypeObject *>(type_.get());
    Ref object = Ref::steal(type->tp_alloc(type, 0)); // zeroed
    if (object) {
        AsgiRequest &request = of(object.get());
        request.loop = &loop;
        request.exchange = &exchange;
        request.id = exchange.id;
        request.bodyLeft = exchange.content_length;
    }
    return object;
}

Ref AsgiRequestType::receiveOf(const Ref &request) noexcept
{
    return Ref::steal(PyCFunction_New(&kReceive, request.get()));
}

Ref AsgiRequestType::sendOf(const Ref &request) noexcept
{
    return Ref::steal(PyCFunction_New(&kSend, request.get()));
}

// As `await` does it.
bool AsgiRequestType::start(AsgiRequest &request, const Ref &awaitable)
{
    if (PyCoro_CheckExact(awaitable.get())) {
        request.application = Py_NewRef(awaitable.get());
        return true;
    }
    const PyAsyncMethods *methods = Py_TYPE(awaitable.get())->tp_as_async;
    if (methods == nullptr || methods->am_await == nullptr) {
        PyErr_Format(PyExc_TypeError, "an ASGI application must return a coroutine, not %R",
                     awaitable.get());
        return false;
    }
    request.application = methods->am_await(awaitable.get());
    return request.application != nullptr;
}

} // namespace patchbay::python
