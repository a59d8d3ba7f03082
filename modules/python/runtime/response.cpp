// Worker process, request threads. Before: wsgi.cpp called the application. After: the core's
// reply_writer puts head and body into reply memory.
#include "response.hpp"

#include <charconv>

namespace patchbay::python {

namespace {

// The latin-1 bytes of a str, or a bytes object's; data null with an exception set: neither.
std::string_view latin1Bytes(PyObject *text, const char *what)
{
    if (PyBytes_Check(text)) {
        return {PyBytes_AS_STRING(text), static_cast<std::size_t>(PyBytes_GET_SIZE(text))};
    }
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "%s must be str, not %s", what, Py_TYPE(text)->tp_name);
        return {};
    }
    if (PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND) {
        PyErr_Format(PyExc_ValueError, "%s has characters outside latin-1: %R", what, text);
        return {};
    }
    return {reinterpret_cast<const char *>(PyUnicode_1BYTE_DATA(text)),
            static_cast<std::size_t>(PyUnicode_GET_LENGTH(text))};
}

bool isDigit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

// "200 OK" -> 200. 0 with an exception set: not three digits and a phrase, or below 100.
std::uint32_t statusNumber(PyObject *status)
{
    const std::string_view text = latin1Bytes(status, "the status");
    if (text.data() == nullptr) {
        return 0;
    }
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = end == text.data() + text.size() || *end == ' ';
    if (error != std::errc() || !isDigit(text[0]) || !whole || number < 100 || number > 999) {
        PyErr_Format(PyExc_ValueError, "the status must start with a number from 100 to 999: %R",
                     status);
        return 0;
    }
    return number;
}

// excInfo: a tuple of three, as of sys.exc_info().
void raiseAgain(PyObject *excInfo)
{
    PyObject *value = PyTuple_GET_ITEM(excInfo, 1);
    if (!PyExceptionInstance_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "exc_info has no exception");
        return;
    }
    if (PyException_SetTraceback(value, PyTuple_GET_ITEM(excInfo, 2)) == 0) {
        PyErr_SetObject(reinterpret_cast<PyObject *>(Py_TYPE(value)), value);
    }
}

bool equalsIgnoringCase(std::string_view text, std::string_view lowerCase) noexcept
{
    if (text.size() != lowerCase.size()) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != lowerCase[i]) {
            return false;
        }
    }
    return true;
}

} // namespace

Response::Response(const sdk::Exchange &exchange, ResponseScratch &scratch) noexcept
    : exchange_(exchange), scratch_(scratch)
{
}

Response::~Response()
{
    forgetFields();
}

bool Response::start(PyObject *status, PyObject *fields, PyObject *excInfo)
{
    const bool replaces = excInfo != nullptr && excInfo != Py_None;
    if (replaces && (!PyTuple_Check(excInfo) || PyTuple_GET_SIZE(excInfo) != 3)) {
        PyErr_SetString(PyExc_TypeError, "exc_info must be a tuple of three");
        return false;
    }
    if (replaces && headSent_) { // too late for another answer
        raiseAgain(excInfo);
        return false;
    }
    if (!replaces && status_ != 0) {
        PyErr_SetString(PyExc_AssertionError,
                        "start_response() was called a second time without exc_info");
        return false;
    }
    const std::uint32_t number = statusNumber(status);
    if (number == 0 || !takeFields(fields)) {
        return false;
    }
    status_ = number;
    return true;
}

bool Response::takeFields(PyObject *fields)
{
    if (!PyList_Check(fields)) {
        PyErr_Format(PyExc_TypeError, "the response headers must be a list, not %s",
                     Py_TYPE(fields)->tp_name);
        return false;
    }
    forgetFields();
    std::optional<std::uint64_t> length;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(fields); ++i) {
        if (!takeField(PyList_GET_ITEM(fields, i), length)) {
            return false;
        }
    }
    declared_ = length;
    return true;
}

bool Response::takeField(PyObject *field, std::optional<std::uint64_t> &length)
{
    if (!PyTuple_Check(field) || PyTuple_GET_SIZE(field) != 2) {
        PyErr_Format(PyExc_TypeError, "a response header must be a tuple of name and value: %R",
                     field);
        return false;
    }
    const std::string_view name = latin1Bytes(PyTuple_GET_ITEM(field, 0), "a response header name");
    if (name.data() == nullptr) {
        return false;
    }
    const std::string_view value =
        latin1Bytes(PyTuple_GET_ITEM(field, 1), "a response header value");
    if (value.data() == nullptr) {
        return false;
    }
    if (equalsIgnoringCase(name, "content-length")) {
        std::uint64_t number = 0;
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), number);
        if (length || error != std::errc() || end != value.data() + value.size()) {
            PyErr_Format(PyExc_ValueError, "Content-Length must be one decimal number: %R",
                         PyTuple_GET_ITEM(field, 1));
            return false;
        }
        length = number;
    }
    scratch_.owners.push_back(Ref::borrow(PyTuple_GET_ITEM(field, 0)));
    scratch_.owners.push_back(Ref::borrow(PyTuple_GET_ITEM(field, 1)));
    scratch_.fields.push_back({sdk::borrow(name), sdk::borrow(value)});
    return true;
}

bool Response::send(PyObject *item)
{
    std::string_view bytes;
    if (gone_ || !account(item, bytes)) {
        return false;
    }
    if (bytes.empty()) {
        gone_ = exchange_.cancelled(); // an application that says nothing for long would not notice
        return !gone_;
    }
    scratch_.parts.assign(1, bytes);
    return transmit(false);
}

bool Response::sendAll(PyObject *items)
{
    if (gone_) {
        return false;
    }
    scratch_.parts.clear();
    bool good = true;
    for (Py_ssize_t i = 0; good && i < PyTuple_GET_SIZE(items); ++i) {
        std::string_view bytes;
        good = account(PyTuple_GET_ITEM(items, i), bytes);
        if (good && !bytes.empty()) {
            scratch_.parts.push_back(bytes);
        }
    }
    if (good) {
        return transmit(true);
    }
    if (scratch_.parts.empty()) {
        return false;
    }
    // What came before the bad item is delivered, as if the items had come one after the other.
    TakenException exception;
    if (transmit(false)) {
        exception.restore();
    }
    return false;
}

bool Response::finish()
{
    if (gone_) {
        return false;
    }
    if (status_ == 0) {
        PyErr_SetString(PyExc_AssertionError, "the application did not call start_response()");
        return false;
    }
    scratch_.parts.clear();
    return headSent_ || transmit(true);
}

// Checks an item before any of it is sent.
bool Response::account(PyObject *item, std::string_view &bytes)
{
    if (!PyBytes_Check(item)) {
        PyErr_Format(PyExc_TypeError, "the response body must consist of bytes, not %s",
                     Py_TYPE(item)->tp_name);
        return false;
    }
    bytes = {PyBytes_AS_STRING(item), static_cast<std::size_t>(PyBytes_GET_SIZE(item))};
    if (bytes.empty()) {
        return true;
    }
    if (status_ == 0) {
        PyErr_SetString(PyExc_AssertionError,
                        "the application sent a body before it called start_response()");
        return false;
    }
    if (declared_ && bytes.size() > *declared_ - given_) {
        PyErr_SetString(PyExc_RuntimeError, "Response content longer than Content-Length");
        return false;
    }
    given_ += bytes.size();
    return true;
}

// Gives scratch_.parts to the core, behind the head if that is still to go. hold: the end follows
// at once, so that the core may send everything together.
bool Response::transmit(bool hold)
{
    pb_error error;
    error.struct_size = sizeof error;
    error.text[0] = '\0';
    bool headFailed = false;
    {
        const GilRelease others;
        if (!headSent_) {
            headFailed = !exchange_.head(status_, scratch_.fields, error);
            gone_ = headFailed && exchange_.cancelled();
        }
        for (std::size_t i = 0; !headFailed && !gone_ && i < scratch_.parts.size(); ++i) {
            gone_ = !(hold ? exchange_.writeBuffered(scratch_.parts[i])
                           : exchange_.write(scratch_.parts[i]));
        }
    }
    if (headFailed && !gone_) {
        PyErr_Format(PyExc_ValueError, "the response headers were refused: %s", error.text);
        return false;
    }
    headSent_ = true;
    return !gone_;
}

void Response::forgetFields() noexcept
{
    scratch_.fields.clear();
    scratch_.owners.clear();
}

} // namespace patchbay::python
