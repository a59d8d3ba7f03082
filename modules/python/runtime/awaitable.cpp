// Worker process, request threads. Made by asgi_request.cpp, driven by asyncio.
#include "awaitable.hpp"

#include <stdexcept>

namespace patchbay::python {

namespace {

struct Awaitable {
    PyObject_HEAD PyObject *value; // null: iterator, or awaited already
    PyObject *iterator;            // of a future; owned
    bool lasting;                  // may be awaited again
};

Awaitable *cast(PyObject *object) noexcept
{
    return reinterpret_cast<Awaitable *>(object);
}

int traverse(PyObject *object, visitproc visit, void *arg) noexcept
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(cast(object)->value);
    Py_VISIT(cast(object)->iterator);
    return 0;
}

int clear(PyObject *object) noexcept
{
    Py_CLEAR(cast(object)->value);
    Py_CLEAR(cast(object)->iterator);
    return 0;
}

void forget(PyObject *self) noexcept
{
    if (!cast(self)->lasting) {
        clear(self);
    }
}

void deallocate(PyObject *object) noexcept
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

void stopWith(PyObject *value) noexcept
{
    // As an exception object: a tuple as a value would be taken apart.
    const Ref stop = Ref::steal(PyObject_CallOneArg(PyExc_StopIteration, value));
    if (stop) {
        PyErr_SetObject(PyExc_StopIteration, stop.get());
    }
}

// One step, as `await` makes it. No exception carries the value.
PySendResult step(PyObject *self, PyObject *, PyObject **result)
{
    Awaitable &awaitable = *cast(self);
    if (awaitable.iterator != nullptr) {
        return PyIter_Send(awaitable.iterator, Py_None, result);
    }
    if (awaitable.value == nullptr) {
        PyErr_SetString(PyExc_RuntimeError, "it was awaited already");
        return PYGEN_ERROR;
    }
    *result =
        awaitable.lasting ? Py_NewRef(awaitable.value) : std::exchange(awaitable.value, nullptr);
    return PYGEN_RETURN;
}

// The same for who asks as for an iterator, or as for a generator; only None can be sent.
PyObject *iterate(PyObject *self)
{
    PyObject *result = nullptr;
    if (step(self, Py_None, &result) == PYGEN_RETURN) {
        const Ref value = Ref::steal(std::exchange(result, nullptr));
        stopWith(value.get());
    }
    return result;
}

PyObject *send(PyObject *self, PyObject *)
{
    return iterate(self);
}

PyObject *throwInto(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    forget(self);
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "throw() takes an exception");
    } else if (PyExceptionInstance_Check(arguments[0])) {
        PyErr_SetObject(reinterpret_cast<PyObject *>(Py_TYPE(arguments[0])), arguments[0]);
    } else {
        PyErr_SetObject(arguments[0], count > 1 ? arguments[1] : Py_None);
    }
    return nullptr;
}

PyObject *close(PyObject *self, PyObject *)
{
    forget(self);
    Py_RETURN_NONE;
}

PyMethodDef kMethods[] = {{"send", &send, METH_O, nullptr},
                          {"throw", asMethod(&throwInto), METH_FASTCALL, nullptr},
                          {"close", &close, METH_NOARGS, nullptr},
                          {nullptr, nullptr, 0, nullptr}};

} // namespace

Ref makeCoroutineType(const char *name, std::size_t size, const CoroutineFunctions &functions)
{
    PyType_Slot slots[] = {{Py_tp_dealloc, asSlot(functions.deallocate)},
                           {Py_tp_traverse, asSlot(functions.traverse)},
                           {Py_tp_clear, asSlot(functions.clear)},
                           {Py_am_await, asSlot(&PyObject_SelfIter)},
                           {Py_am_send, asSlot(functions.step)},
                           {Py_tp_iter, asSlot(&PyObject_SelfIter)},
                           {Py_tp_iternext, asSlot(functions.iterate)},
                           {Py_tp_methods, functions.methods},
                           {0, nullptr}};
    PyType_Spec spec{name, static_cast<int>(size), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION |
                         Py_TPFLAGS_IMMUTABLETYPE,
                     slots};
    Ref type = Ref::steal(PyType_FromSpec(&spec));
    if (!type) {
        throw std::runtime_error("Python failed to make a type: " + describeException());
    }
    return type;
}

AwaitableType::AwaitableType()
    : type_(makeCoroutineType("patchbay.Awaitable", sizeof(Awaitable),
                              {&deallocate, &traverse, &clear, &step, &iterate, kMethods}))
{
    none_ = make(Ref::borrow(Py_None), {});
    if (!none_) {
        throw std::runtime_error("Python has no memory: " + describeException());
    }
    cast(none_.get())->lasting = true;
}

Ref AwaitableType::make(Ref value, Ref iterator) const
{
    if (!value && !iterator) {
        return {};
    }
    auto *type = reinterpret_cast<PyTypeObject *>(type_.get());
    Ref object = Ref::steal(type->tp_alloc(type, 0)); // zeroed
    if (object) {
        cast(object.get())->value = value.release();
        cast(object.get())->iterator = iterator.release();
    }
    return object;
}

Ref AwaitableType::ready(Ref value) const
{
    if (value.get() == Py_None) {
        return Ref::borrow(none_.get());
    }
    return make(std::move(value), {});
}

Ref AwaitableType::waiting(const Ref &future) const
{
    return make({}, Ref::steal(PyObject_GetIter(future.get())));
}

} // namespace patchbay::python
