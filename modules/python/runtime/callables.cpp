// Worker process, request threads, GIL held. Called by the application; after: response.cpp.
#include "callables.hpp"

#include "response.hpp"

#include <cstddef>
#include <stdexcept>

#include <structmember.h>

namespace patchbay::python {

namespace {

ResponseCallable *cast(PyObject *object) noexcept
{
    return reinterpret_cast<ResponseCallable *>(object);
}

void deallocate(PyObject *object) noexcept
{
    PyTypeObject *type = Py_TYPE(object);
    Py_CLEAR(cast(object)->write);
    type->tp_free(object);
    Py_DECREF(type);
}

Response *responseOf(PyObject *self) noexcept
{
    Response *response = cast(self)->response;
    if (response == nullptr) {
        PyErr_SetString(PyExc_RuntimeError, "the request is over");
    }
    return response;
}

// exc_info may come by name, as may the others.
bool takeNamed(PyObject *name, PyObject *value, PyObject *(&out)[3]) noexcept
{
    constexpr const char *kNames[3][2] = {
        {"status", "status"}, {"headers", "response_headers"}, {"exc_info", "exc_info"}};
    for (std::size_t i = 0; i < 3; ++i) {
        for (const char *known : kNames[i]) {
            if (PyUnicode_CompareWithASCIIString(name, known) == 0 && out[i] == nullptr) {
                out[i] = value;
                return true;
            }
        }
    }
    PyErr_Format(PyExc_TypeError, "start_response() got an unexpected argument %R", name);
    return false;
}

PyObject *startResponse(PyObject *self, PyObject *const *arguments, std::size_t flaggedCount,
                        PyObject *names)
{
    const Py_ssize_t count = PyVectorcall_NARGS(flaggedCount);
    PyObject *taken[3] = {};
    for (Py_ssize_t i = 0; i < count && i < 3; ++i) {
        taken[i] = arguments[i];
    }
    for (Py_ssize_t i = 0; names != nullptr && i < PyTuple_GET_SIZE(names); ++i) {
        if (!takeNamed(PyTuple_GET_ITEM(names, i), arguments[count + i], taken)) {
            return nullptr;
        }
    }
    if (count > 3 || taken[0] == nullptr || taken[1] == nullptr) {
        PyErr_SetString(PyExc_TypeError,
                        "start_response() takes a status, a list of headers and, if wanted, "
                        "exc_info");
        return nullptr;
    }
    Response *response = responseOf(self);
    if (response == nullptr || !response->start(taken[0], taken[1], taken[2])) {
        return nullptr;
    }
    return Py_NewRef(cast(self)->write);
}

PyObject *writeBody(PyObject *self, PyObject *const *arguments, std::size_t flaggedCount,
                    PyObject *names)
{
    if (PyVectorcall_NARGS(flaggedCount) != 1 ||
        (names != nullptr && PyTuple_GET_SIZE(names) != 0)) {
        PyErr_SetString(PyExc_TypeError, "write() takes one argument");
        return nullptr;
    }
    Response *response = responseOf(self);
    if (response == nullptr) {
        return nullptr;
    }
    if (response->send(arguments[0])) {
        return Py_NewRef(Py_None);
    }
    if (PyErr_Occurred() == nullptr) {
        PyErr_SetString(PyExc_ConnectionResetError, "the client has gone");
    }
    return nullptr;
}

PyMemberDef kMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(ResponseCallable, call), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

Ref makeType(const char *name)
{
    PyType_Slot slots[] = {{Py_tp_dealloc, asSlot(&deallocate)},
                           {Py_tp_call, asSlot(&PyVectorcall_Call)},
                           {Py_tp_members, kMembers},
                           {0, nullptr}};
    PyType_Spec spec{name, sizeof(ResponseCallable), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL |
                         Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                     slots};
    Ref type = Ref::steal(PyType_FromSpec(&spec));
    if (!type) {
        throw std::runtime_error("Python failed to make a type: " + describeException());
    }
    return type;
}

Ref makeObject(const Ref &type, vectorcallfunc call)
{
    auto *pythonType = reinterpret_cast<PyTypeObject *>(type.get());
    Ref object = Ref::steal(pythonType->tp_alloc(pythonType, 0)); // zeroed
    if (object) {
        cast(object.get())->call = call;
    }
    return object;
}

} // namespace

ResponseCallables::ResponseCallables()
    : startResponseType_(makeType("patchbay.StartResponse")), writeType_(makeType("patchbay.Write"))
{
}

Ref ResponseCallables::make() const
{
    Ref write = makeObject(writeType_, &writeBody);
    Ref object = write ? makeObject(startResponseType_, &startResponse) : Ref();
    if (object) {
        cast(object.get())->write = write.release();
    }
    return object;
}

bool ResponseCallables::attach(Ref &startResponse, Response *response) const
{
    const bool kept = startResponse && (Py_REFCNT(startResponse.get()) > 1 ||
                                        Py_REFCNT(cast(startResponse.get())->write) > 1);
    if (kept || !startResponse) {
        startResponse = make();
    }
    if (!startResponse) {
        return false;
    }
    cast(startResponse.get())->response = response;
    cast(cast(startResponse.get())->write)->response = response;
    return true;
}

void ResponseCallables::detach(const Ref &startResponse) noexcept
{
    cast(startResponse.get())->response = nullptr;
    cast(cast(startResponse.get())->write)->response = nullptr;
}

} // namespace patchbay::python
