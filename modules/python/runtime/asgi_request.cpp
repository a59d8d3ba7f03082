// Worker process, request threads. Before: asgi.cpp called the application. After: the core's
// worker_exchange, whose functions never wait in a loop.
#include "asgi_request.hpp"

#include "asgi.hpp"
#include "asgi_response.hpp"

#include <algorithm>

namespace patchbay::python {

namespace {

constexpr std::uint64_t kBodyPart = 65536; // most bytes of one http.request

AsgiRequest &of(PyObject *object) noexcept
{
    return AsgiRequestType::of(object);
}

Ref disconnectMessage(const AsgiRequest &request) noexcept
{
    return Ref::steal(PyDict_Copy(request.loop->keys().disconnect.get()));
}

// Is somebody waiting for this future still? A cancelled one is forgotten.
bool awaited(PyObject *&future) noexcept
{
    if (future == nullptr) {
        return false;
    }
    const Ref done = Ref::steal(PyObject_CallMethod(future, "done", nullptr));
    if (done && PyObject_IsTrue(done.get()) == 0) {
        return true;
    }
    PyErr_Clear();
    Py_CLEAR(future);
    return false;
}

void resolve(PyObject *&future, const Ref &value) noexcept
{
    if (!awaited(future)) {
        return;
    }
    const Ref owned = Ref::steal(std::exchange(future, nullptr));
    const Ref result =
        value ? Ref::steal(PyObject_CallMethod(owned.get(), "set_result", "O", value.get()))
              : Ref();
    if (!result) {
        PyErr_WriteUnraisable(owned.get());
    }
}

// Raises the pending exception where the future is awaited.
void fail(PyObject *&future) noexcept
{
    const TakenException exception;
    if (!awaited(future)) {
        return;
    }
    const Ref owned = Ref::steal(std::exchange(future, nullptr));
    const Ref result =
        Ref::steal(PyObject_CallMethod(owned.get(), "set_exception", "O", exception.value()));
    if (!result) {
        PyErr_WriteUnraisable(owned.get());
    }
}

// ---- receive

Ref bodyMessage(AsgiRequest &request, const Ref &body) noexcept
{
    const AsgiKeys &keys = request.loop->keys();
    request.bodyTold = request.bodyLeft == 0;
    Ref message = Ref::steal(PyDict_Copy(keys.lastRequest.get()));
    const bool done =
        message && PyDict_SetItem(message.get(), keys.body.get(), body.get()) == 0 &&
        (request.bodyTold || PyDict_SetItem(message.get(), keys.moreBody.get(), Py_True) == 0);
    return done ? std::move(message) : Ref();
}

// The next message, or nothing yet (empty without an exception).
Ref nextBody(AsgiRequest &request)
{
    if (request.bodyLeft == 0) {
        request.bodyTold = true;
        return Ref::steal(PyDict_Copy(request.loop->keys().lastRequest.get()));
    }
    const std::uint64_t wanted = std::min(request.bodyLeft, kBodyPart);
    PyObject *body = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(wanted));
    if (body == nullptr) {
        return {};
    }
    pb_exchange &exchange = *request.exchange;
    const std::int64_t got = exchange.read_body(exchange.context, PyBytes_AS_STRING(body), wanted);
    if (got < 0) {
        Py_DECREF(body);
        if (got == PB_AGAIN) {
            return {};
        }
        request.clientGone = true;
        return disconnectMessage(request);
    }
    request.bodyLeft = got == 0 ? 0 : request.bodyLeft - static_cast<std::uint64_t>(got);
    if (static_cast<std::uint64_t>(got) < wanted &&
        _PyBytes_Resize(&body, static_cast<Py_ssize_t>(got)) != 0) {
        return {};
    }
    return bodyMessage(request, Ref::steal(body));
}

Ref nextMessage(AsgiRequest &request)
{
    if (request.exchange == nullptr || request.clientGone) {
        return disconnectMessage(request);
    }
    if (!request.bodyTold) {
        return nextBody(request);
    }
    switch (request.exchange->cancelled(request.exchange->context)) {
    case 0:
        return {};
    case 1:
        request.clientGone = true;
        break;
    default: // it may read still, so what is sent goes out
        request.leftTold = true;
        break;
    }
    return disconnectMessage(request);
}

// ---- send

// The exchange has ended; whoever waits for its end hears of it.
void finish(AsgiRequest &request, int result)
{
    pb_exchange &exchange = *std::exchange(request.exchange, nullptr);
    request.loop->ended(exchange);
    exchange.finish(exchange.context, result);
    resolve(request.receiving, disconnectMessage(request));
}

bool clientGone(AsgiRequest &request) noexcept
{
    request.clientGone = true;
    PyErr_SetString(PyExc_ConnectionResetError, "the client has gone");
    return false;
}

// Writes of request.data what there is room for. False: exception set. True with data left: wait.
bool writeData(AsgiRequest &request)
{
    pb_exchange &exchange = *request.exchange;
    const auto *bytes = static_cast<const char *>(request.data.buf);
    const auto size = static_cast<std::size_t>(request.data.len);
    while (request.written < size) {
        const std::size_t room = exchange.room(exchange.context);
        if (room == 0) {
            return exchange.cancelled(exchange.context) != 1 || clientGone(request);
        }
        const std::size_t part = std::min(room, size - request.written);
        // The end goes out together with the last bytes.
        const bool hold = request.last && part == size - request.written;
        if ((hold ? exchange.write_buffered
                  : exchange.write)(exchange.context, bytes + request.written, part) != PB_OK) {
            return clientGone(request);
        }
        request.written += part;
    }
    dropData(request);
    if (request.last) {
        request.finished = true;
        finish(request, PB_OK);
    }
    return true;
}

Ref beginBody(AsgiRequest &request, PyObject *message)
{
    if (!request.started || request.finished) {
        PyErr_SetString(PyExc_RuntimeError, request.finished
                                                ? "http.response.body after the end of the response"
                                                : "http.response.body before http.response.start");
        return {};
    }
    BodyMessage body;
    if (!takeBody(request.loop->keys(), message, body)) {
        return {};
    }
    if (request.clientGone || request.exchange == nullptr) {
        clientGone(request);
        return {};
    }
    if (body.size() == 0 && !body.last) { // says nothing; but a head may go out
        pb_exchange &exchange = *request.exchange;
        request.sentBody = true;
        if (exchange.write(exchange.context, nullptr, 0) != PB_OK) {
            clientGone(request);
            return {};
        }
        return Ref::borrow(Py_None);
    }
    if (request.hasLength && body.size() > request.lengthLeft) {
        PyErr_SetString(PyExc_RuntimeError, "Response content longer than Content-Length");
        return {};
    }
    request.lengthLeft -= request.hasLength ? body.size() : 0;
    request.sentBody = true;
    request.data = body.release();
    request.written = 0;
    request.last = body.last;
    if (!writeData(request)) {
        dropData(request);
        return {};
    }
    return request.data.obj == nullptr ? Ref::borrow(Py_None) : Ref();
}

Ref begin(AsgiRequest &request, PyObject *message)
{
    switch (kindOf(request.loop->keys(), message)) {
    case MessageKind::start:
        if (request.started) {
            PyErr_SetString(PyExc_RuntimeError, "http.response.start came twice");
            return {};
        }
        if (request.exchange == nullptr || request.clientGone) {
            clientGone(request);
            return {};
        }
        {
            std::optional<std::uint64_t> length;
            if (!sendHead(request.loop->keys(), message, *request.exchange, length)) {
                return {};
            }
            request.hasLength = length.has_value();
            request.lengthLeft = length.value_or(0);
        }
        request.started = true;
        return Ref::borrow(Py_None);
    case MessageKind::body:
        return beginBody(request, message);
    case MessageKind::unknown:
        break;
    }
    return {}; // exception set
}

} // namespace

void dropData(AsgiRequest &request) noexcept
{
    if (request.data.obj != nullptr) {
        PyBuffer_Release(&request.data);
    }
    request.data.obj = nullptr;
}

PyObject *receiveMessage(PyObject *self, PyObject *)
{
    AsgiRequest &request = of(self);
    if (request.loop == nullptr) {
        PyErr_SetString(PyExc_RuntimeError, "the request is over");
        return nullptr;
    }
    if (awaited(request.receiving)) {
        PyErr_SetString(PyExc_RuntimeError, "receive() is being awaited already");
        return nullptr;
    }
    Ref message = nextMessage(request);
    if (message) {
        return request.loop->awaitables().ready(std::move(message)).release();
    }
    if (PyErr_Occurred() != nullptr) {
        return nullptr;
    }
    const Ref future = request.loop->newFuture();
    if (!future) {
        return nullptr;
    }
    request.receiving = Py_NewRef(future.get());
    return request.loop->awaitables().waiting(future).release();
}

PyObject *sendMessage(PyObject *self, PyObject *message)
{
    AsgiRequest &request = of(self);
    if (request.loop == nullptr) {
        PyErr_SetString(PyExc_RuntimeError, "the request is over");
        return nullptr;
    }
    if (request.data.obj != nullptr) {
        PyErr_SetString(PyExc_RuntimeError, "send() is being awaited already");
        return nullptr;
    }
    Ref done = begin(request, message);
    if (done) {
        return request.loop->awaitables().ready(std::move(done)).release();
    }
    if (PyErr_Occurred() != nullptr) {
        return nullptr;
    }
    const Ref future = request.loop->newFuture();
    if (!future) {
        return nullptr;
    }
    request.sending = Py_NewRef(future.get());
    return request.loop->awaitables().waiting(future).release();
}

void progress(AsgiRequest &request)
{
    if (request.data.obj != nullptr) { // also for a send() that nobody awaits any more
        if (!writeData(request)) {
            dropData(request);
            fail(request.sending);
        } else if (request.data.obj == nullptr) {
            resolve(request.sending, Ref::borrow(Py_None));
        }
    }
    if (awaited(request.receiving)) {
        const Ref message = nextMessage(request);
        if (message) {
            resolve(request.receiving, message);
        } else if (PyErr_Occurred() != nullptr) {
            fail(request.receiving);
        }
    }
}

bool end(AsgiRequest &request, PyObject *error)
{
    const bool complete = request.finished;
    if (request.exchange != nullptr) {
        pb_exchange &exchange = *request.exchange;
        const bool gone = request.clientGone || exchange.cancelled(exchange.context) == 1;
        request.clientGone = gone;
        // Started and then nothing: the client sees that something was to come.
        if (error == nullptr && request.started && !request.sentBody) {
            exchange.write(exchange.context, nullptr, 0);
        }
        dropData(request);
        finish(request, PB_ERROR);
    }
    if (error == nullptr) {
        return complete || request.clientGone || request.leftTold;
    }
    return request.clientGone && PyErr_GivenExceptionMatches(error, PyExc_OSError) != 0;
}

} // namespace patchbay::python
