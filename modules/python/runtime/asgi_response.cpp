// Worker process, request threads. Called by asgi_request.cpp for each message of an application.
#include "asgi_response.hpp"

#include <charconv>
#include <string_view>
#include <vector>

namespace patchbay::python {

namespace {

// Borrowed; null with or without an exception set: there is none.
PyObject *member(PyObject *message, const Ref &key)
{
    return PyDict_GetItemWithError(message, key.get());
}

bool is(PyObject *text, const Ref &known)
{
    return text == known.get() ||
           (PyUnicode_Check(text) && PyUnicode_Compare(text, known.get()) == 0);
}

bool isContentLength(std::string_view name) noexcept
{
    constexpr std::string_view kName = "content-length";
    if (name.size() != kName.size()) {
        return false;
    }
    for (std::size_t i = 0; i < name.size(); ++i) {
        if ((name[i] | 0x20) != kName[i] && name[i] != '-') {
            return false;
        }
    }
    return true;
}

bool takeLength(PyObject *value, std::optional<std::uint64_t> &length)
{
    const char *begin = PyBytes_AS_STRING(value);
    const char *end = begin + PyBytes_GET_SIZE(value);
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(begin, end, number);
    if (length || error != std::errc() || stop != end) {
        PyErr_Format(PyExc_ValueError, "content-length must be one decimal number: %R", value);
        return false;
    }
    length = number;
    return true;
}

// The head while it is put together: views into `owners`.
struct Head {
    std::vector<pb_field> fields;
    std::vector<Ref> owners;
    std::optional<std::uint64_t> length;

    bool take(PyObject *item)
    {
        Ref pair = Ref::steal(PySequence_Tuple(item));
        if (!pair || PyTuple_GET_SIZE(pair.get()) != 2 ||
            !PyBytes_Check(PyTuple_GET_ITEM(pair.get(), 0)) ||
            !PyBytes_Check(PyTuple_GET_ITEM(pair.get(), 1))) {
            PyErr_Format(PyExc_TypeError, "a response header must be a pair of bytes: %R", item);
            return false;
        }
        const auto view = [&](Py_ssize_t i) {
            PyObject *bytes = PyTuple_GET_ITEM(pair.get(), i);
            return pb_str{PyBytes_AS_STRING(bytes),
                          static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
        };
        fields.push_back({view(0), view(1)});
        if (isContentLength(sdk::view(fields.back().name)) &&
            !takeLength(PyTuple_GET_ITEM(pair.get(), 1), length)) {
            return false;
        }
        owners.push_back(std::move(pair));
        return true;
    }

    bool takeAll(PyObject *headers)
    {
        const Ref iterator = Ref::steal(PyObject_GetIter(headers));
        if (!iterator) {
            return false;
        }
        while (const Ref item = Ref::steal(PyIter_Next(iterator.get()))) {
            if (!take(item.get())) {
                return false;
            }
        }
        return PyErr_Occurred() == nullptr;
    }
};

} // namespace

MessageKind kindOf(const AsgiKeys &keys, PyObject *message)
{
    PyObject *type = PyDict_Check(message) ? member(message, keys.type) : nullptr;
    if (type != nullptr && is(type, keys.responseBody)) {
        return MessageKind::body;
    }
    if (type != nullptr && is(type, keys.responseStart)) {
        return MessageKind::start;
    }
    if (PyErr_Occurred() == nullptr) {
        PyErr_Format(PyExc_RuntimeError,
                     "send() takes http.response.start and http.response.body, not %R", message);
    }
    return MessageKind::unknown;
}

bool sendHead(const AsgiKeys &keys, PyObject *message, pb_exchange &exchange,
              std::optional<std::uint64_t> &length)
{
    PyObject *status = member(message, keys.status);
    if (status == nullptr || !PyLong_Check(status)) {
        if (PyErr_Occurred() == nullptr) {
            PyErr_SetString(PyExc_TypeError, "the status of http.response.start must be an int");
        }
        return false;
    }
    const long number = PyLong_AsLong(status);
    if (number < 100 || number > 999) {
        if (PyErr_Occurred() == nullptr) {
            PyErr_Format(PyExc_ValueError, "the status must be from 100 to 999, not %R", status);
        }
        return false;
    }
    Head head;
    PyObject *headers = member(message, keys.headers);
    if (PyErr_Occurred() != nullptr || (headers != nullptr && !head.takeAll(headers))) {
        return false;
    }
    pb_error error;
    error.struct_size = sizeof error;
    error.text[0] = '\0';
    if (exchange.head(exchange.context, static_cast<std::uint32_t>(number), head.fields.data(),
                      head.fields.size(), &error) != PB_OK) {
        if (exchange.cancelled(exchange.context) == 1) {
            PyErr_SetString(PyExc_ConnectionResetError, "the client has gone");
        } else {
            PyErr_Format(PyExc_ValueError, "the response headers were refused: %s", error.text);
        }
        return false;
    }
    length = head.length;
    return true;
}

bool takeBody(const AsgiKeys &keys, PyObject *message, BodyMessage &body)
{
    PyObject *more = member(message, keys.moreBody);
    const int isMore = more == nullptr ? 0 : PyObject_IsTrue(more);
    PyObject *bytes = member(message, keys.body);
    if (isMore < 0 || PyErr_Occurred() != nullptr) {
        return false;
    }
    body.last = isMore == 0;
    if (bytes == nullptr) {
        const Ref none = Ref::steal(PyBytes_FromStringAndSize(nullptr, 0));
        return none && PyObject_GetBuffer(none.get(), &body.data, PyBUF_SIMPLE) == 0;
    }
    if (!PyObject_CheckBuffer(bytes)) {
        PyErr_Format(PyExc_TypeError, "the body of http.response.body must be bytes, not %s",
                     Py_TYPE(bytes)->tp_name);
        return false;
    }
    return PyObject_GetBuffer(bytes, &body.data, PyBUF_SIMPLE) == 0;
}

} // namespace patchbay::python
