// Worker process. The interpreter's API with owners for what must be given back: references and the
// interpreter's lock (GIL). Include this before anything else.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string>
#include <string_view>
#include <utility>

namespace patchbay::python {

// An owned reference. GIL held for every use but moving; empty at the interpreter's end.
class Ref {
public:
    Ref() noexcept = default;
    static Ref steal(PyObject *object) noexcept { return Ref(object); } // a new reference
    static Ref borrow(PyObject *object) noexcept
    {
        Py_XINCREF(object);
        return Ref(object);
    }
    Ref(Ref &&other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    Ref &operator=(Ref &&other) noexcept
    {
        Py_XSETREF(object_, std::exchange(other.object_, nullptr));
        return *this;
    }
    ~Ref() { Py_XDECREF(object_); }

    PyObject *get() const noexcept { return object_; }
    PyObject *release() noexcept { return std::exchange(object_, nullptr); }
    void reset() noexcept { Py_CLEAR(object_); }
    explicit operator bool() const noexcept { return object_ != nullptr; }

private:
    explicit Ref(PyObject *object) noexcept : object_(object) {}
    PyObject *object_ = nullptr;
};

// Holds the GIL as `state`, which belongs to this thread and does not hold it yet.
class GilHold {
public:
    explicit GilHold(PyThreadState *state) noexcept { PyEval_RestoreThread(state); }
    ~GilHold() { PyEval_SaveThread(); }
    GilHold(const GilHold &) = delete;
    GilHold &operator=(const GilHold &) = delete;
};

// Lets other threads run Python while this one waits.
class GilRelease {
public:
    GilRelease() noexcept : state_(PyEval_SaveThread()) {}
    ~GilRelease() { PyEval_RestoreThread(state_); }
    GilRelease(const GilRelease &) = delete;
    GilRelease &operator=(const GilRelease &) = delete;

private:
    PyThreadState *state_;
};

// Request bytes become str as latin-1, as PEP 3333 wants it. Empty with an exception set: no
// memory.
inline Ref latin1(std::string_view text) noexcept
{
    return Ref::steal(
        PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
}

// A pending exception, taken aside: calls into the interpreter are possible meanwhile. Dropped with
// this object unless it is given back.
class TakenException {
public:
#if PY_VERSION_HEX >= 0x030C0000
    TakenException() noexcept : value_(Ref::steal(PyErr_GetRaisedException())) {}
    void restore() noexcept
    {
        PyErr_SetRaisedException(value_.release());
    }
    void display() const noexcept
    {
        PyErr_DisplayException(value_.get());
    }
#else
    TakenException() noexcept
    {
        PyObject *type = nullptr;
        PyObject *value = nullptr;
        PyObject *traceback = nullptr;
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_NormalizeException(&type, &value, &traceback);
        if (value != nullptr && traceback != nullptr) {
            PyException_SetTraceback(value, traceback);
        }
        type_ = Ref::steal(type);
        value_ = Ref::steal(value);
        traceback_ = Ref::steal(traceback);
    }
    void restore() noexcept
    {
        PyErr_Restore(type_.release(), value_.release(), traceback_.release());
    }
    void display() const noexcept
    {
        PyErr_Display(type_.get(), value_.get(), traceback_.get());
    }
#endif
    PyObject *value() const noexcept
    {
        return value_.get();
    }

private:
#if PY_VERSION_HEX < 0x030C0000
    Ref type_;
    Ref traceback_;
#endif
    Ref value_;
};

// The pending exception, which must be there, as its traceback on sys.stderr. Unlike PyErr_Print
// it does not end the process for SystemExit.
void printException() noexcept;
// The pending exception's last line: "ModuleNotFoundError: No module named 'x'". It stays pending.
std::string describeException();

// For the tables of a type made with PyType_FromSpec.
template <class Function>
PyCFunction asMethod(Function *function) noexcept
{
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}
template <class Function>
void *asSlot(Function *function) noexcept
{
    return reinterpret_cast<void *>(function);
}

} // namespace patchbay::python
