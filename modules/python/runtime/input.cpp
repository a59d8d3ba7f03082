// Worker process, request threads, GIL held unless the core may block. Called by the application.
#include "input.hpp"

#include "response.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace patchbay::python {

namespace {

constexpr std::size_t kBuffer = 65536;
// Reads shorter than this go through the buffer.
constexpr std::uint64_t kShortRead = 4096;

InputObject *cast(PyObject *object) noexcept
{
    return reinterpret_cast<InputObject *>(object);
}

std::size_t buffered(const InputObject &input) noexcept
{
    return input.end - input.begin;
}

std::uint64_t available(const InputObject &input) noexcept
{
    return buffered(input) + input.remaining;
}

bool usable(const InputObject &input) noexcept
{
    if (input.response == nullptr) {
        PyErr_SetString(PyExc_ValueError, "wsgi.input was read after the end of its request");
        return false;
    }
    if (input.thread != PyThread_get_thread_ident()) {
        PyErr_SetString(PyExc_RuntimeError,
                        "wsgi.input can be read only by the thread that serves the request");
        return false;
    }
    return true;
}

// Up to `size` bytes from the core. 0: the body's end; -1 with an exception set: the client left.
std::int64_t readCore(InputObject &input, char *to, std::size_t size)
{
    Response &response = *input.response;
    std::int64_t got = 0;
    {
        const GilRelease others;
        got = response.exchange().readBody(to, size);
    }
    if (got < 0) {
        response.setGone();
        input.remaining = 0;
        PyErr_SetString(PyExc_ConnectionResetError, "the client has gone");
        return -1;
    }
    // A body shorter than announced ends here.
    input.remaining =
        got == 0 ? 0
                 : input.remaining -
                       std::min<std::uint64_t>(input.remaining, static_cast<std::uint64_t>(got));
    return got;
}

// At least one byte in an empty buffer, if the body has one. False: exception set.
bool fill(InputObject &input)
{
    input.begin = 0;
    input.end = 0;
    if (input.remaining == 0) {
        return true;
    }
    if (input.buffer == nullptr) {
        input.buffer = static_cast<char *>(PyMem_Malloc(kBuffer));
        if (input.buffer == nullptr) {
            PyErr_NoMemory();
            return false;
        }
    }
    const std::size_t wanted = std::min<std::uint64_t>(kBuffer, input.remaining);
    const std::int64_t got = readCore(input, input.buffer, wanted);
    input.end = got > 0 ? static_cast<std::size_t>(got) : 0;
    return got >= 0;
}

std::size_t takeBuffered(InputObject &input, char *to, std::size_t size) noexcept
{
    const std::size_t taken = std::min(size, buffered(input));
    if (taken != 0) {
        std::memcpy(to, input.buffer + input.begin, taken);
        input.begin += taken;
    }
    return taken;
}

// Exactly `size` bytes unless the body ends before; size <= available().
PyObject *readExactly(InputObject &input, std::size_t size)
{
    PyObject *result = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size));
    if (result == nullptr) {
        return nullptr;
    }
    char *to = PyBytes_AS_STRING(result);
    std::size_t done = takeBuffered(input, to, size);
    while (done < size) {
        if (size - done < kShortRead) {
            if (!fill(input)) {
                Py_DECREF(result);
                return nullptr;
            }
            const std::size_t taken = takeBuffered(input, to + done, size - done);
            if (taken == 0) {
                break;
            }
            done += taken;
            continue;
        }
        const std::int64_t got = readCore(input, to + done, size - done);
        if (got < 0) {
            Py_DECREF(result);
            return nullptr;
        }
        if (got == 0) {
            break;
        }
        done += static_cast<std::size_t>(got);
    }
    if (done < size && _PyBytes_Resize(&result, static_cast<Py_ssize_t>(done)) != 0) {
        return nullptr;
    }
    return result;
}

// None, nothing or negative: SIZE_MAX. False: exception set.
bool takeSize(PyObject *const *arguments, Py_ssize_t count, std::size_t &size)
{
    size = SIZE_MAX;
    if (count > 1) {
        PyErr_SetString(PyExc_TypeError, "at most one argument expected");
        return false;
    }
    if (count == 0 || arguments[0] == Py_None) {
        return true;
    }
    const Py_ssize_t number = PyNumber_AsSsize_t(arguments[0], nullptr); // huge ones: the largest
    if (number == -1 && PyErr_Occurred() != nullptr) {
        return false;
    }
    if (number >= 0) {
        size = static_cast<std::size_t>(number);
    }
    return true;
}

PyObject *read(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    InputObject &input = *cast(self);
    std::size_t size = 0;
    if (!usable(input) || !takeSize(arguments, count, size)) {
        return nullptr;
    }
    return readExactly(input, std::min<std::uint64_t>(size, available(input)));
}

// A line with its end, at most `limit` bytes; empty at the body's end.
PyObject *readLine(InputObject &input, std::size_t limit)
{
    Ref line; // the parts before the last
    for (;;) {
        if (buffered(input) == 0 && !fill(input)) {
            return nullptr;
        }
        const char *from = input.buffer + input.begin;
        const std::size_t room = std::min(buffered(input), limit);
        const void *newline = room == 0 ? nullptr : std::memchr(from, '\n', room);
        const std::size_t size =
            newline == nullptr
                ? room
                : static_cast<std::size_t>(static_cast<const char *>(newline) - from) + 1;
        input.begin += size;
        limit -= size;
        PyObject *part = PyBytes_FromStringAndSize(from, static_cast<Py_ssize_t>(size));
        if (part == nullptr) {
            return nullptr;
        }
        PyObject *whole = line.release();
        if (whole == nullptr) {
            whole = part;
        } else {
            PyBytes_ConcatAndDel(&whole, part);
            if (whole == nullptr) {
                return nullptr;
            }
        }
        if (newline != nullptr || limit == 0 || size == 0) {
            return whole;
        }
        line = Ref::steal(whole);
    }
}

PyObject *readline(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    InputObject &input = *cast(self);
    std::size_t size = 0;
    if (!usable(input) || !takeSize(arguments, count, size)) {
        return nullptr;
    }
    return readLine(input, size);
}

PyObject *readlines(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    InputObject &input = *cast(self);
    std::size_t hint = 0;
    if (!usable(input) || !takeSize(arguments, count, hint)) {
        return nullptr;
    }
    Ref lines = Ref::steal(PyList_New(0));
    std::size_t total = 0;
    // As for Python's files, a hint of 0 is none.
    while (lines && (hint == 0 || total < hint)) {
        const Ref line = Ref::steal(readLine(input, SIZE_MAX));
        if (!line ||
            (PyBytes_GET_SIZE(line.get()) != 0 && PyList_Append(lines.get(), line.get()) != 0)) {
            return nullptr;
        }
        if (PyBytes_GET_SIZE(line.get()) == 0) {
            break;
        }
        total += static_cast<std::size_t>(PyBytes_GET_SIZE(line.get()));
    }
    return lines.release();
}

PyObject *nextLine(PyObject *self)
{
    InputObject &input = *cast(self);
    if (!usable(input)) {
        return nullptr;
    }
    Ref line = Ref::steal(readLine(input, SIZE_MAX));
    if (line && PyBytes_GET_SIZE(line.get()) == 0) {
        return nullptr; // no exception: the end
    }
    return line.release();
}

void deallocate(PyObject *object) noexcept
{
    PyTypeObject *type = Py_TYPE(object);
    PyMem_Free(cast(object)->buffer);
    type->tp_free(object);
    Py_DECREF(type);
}

PyMethodDef kMethods[] = {{"read", asMethod(&read), METH_FASTCALL, nullptr},
                          {"readline", asMethod(&readline), METH_FASTCALL, nullptr},
                          {"readlines", asMethod(&readlines), METH_FASTCALL, nullptr},
                          {nullptr, nullptr, 0, nullptr}};

} // namespace

InputType::InputType()
{
    PyType_Slot slots[] = {{Py_tp_dealloc, asSlot(&deallocate)},
                           {Py_tp_iter, asSlot(&PyObject_SelfIter)},
                           {Py_tp_iternext, asSlot(&nextLine)},
                           {Py_tp_methods, kMethods},
                           {0, nullptr}};
    PyType_Spec spec{
        "patchbay.Input", sizeof(InputObject), 0,
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};
    type_ = Ref::steal(PyType_FromSpec(&spec));
    if (!type_) {
        throw std::runtime_error("Python failed to make a type: " + describeException());
    }
}

bool InputType::attach(Ref &input, Response &response) const
{
    if (!input || Py_REFCNT(input.get()) > 1) {
        auto *type = reinterpret_cast<PyTypeObject *>(type_.get());
        input = Ref::steal(type->tp_alloc(type, 0)); // zeroed
        if (!input) {
            return false;
        }
    }
    InputObject &object = *cast(input.get());
    object.response = &response;
    object.thread = PyThread_get_thread_ident();
    object.remaining = response.exchange().contentLength();
    object.begin = 0;
    object.end = 0;
    return true;
}

void InputType::detach(const Ref &input) noexcept
{
    InputObject &object = *cast(input.get());
    object.response = nullptr;
    object.remaining = 0;
    object.begin = 0;
    object.end = 0;
}

} // namespace patchbay::python
