// Worker process, any thread that holds the GIL.
#include "python.hpp"

namespace patchbay::python {

namespace {

std::string utf8(PyObject *text)
{
    Py_ssize_t size = 0;
    const char *bytes = text == nullptr ? nullptr : PyUnicode_AsUTF8AndSize(text, &size);
    if (bytes == nullptr) {
        PyErr_Clear();
        return {};
    }
    return {bytes, static_cast<std::size_t>(size)};
}

} // namespace

void printException() noexcept
{
    const TakenException exception;
    exception.display();
    PyErr_Clear(); // of a broken sys.stderr
}

std::string describeException()
{
    TakenException exception;
    if (exception.value() == nullptr) {
        return {};
    }
    const Ref text = Ref::steal(PyObject_Str(exception.value()));
    std::string result = Py_TYPE(exception.value())->tp_name;
    const std::string message = utf8(text.get());
    if (!message.empty()) {
        result += ": " + message;
    }
    exception.restore();
    return result;
}

} // namespace patchbay::python
