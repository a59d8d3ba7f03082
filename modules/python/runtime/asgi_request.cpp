// Worker process, request threads. Before: asgi.cpp called the application. After: the core's
// worker_exchange, whose functions never wait in a loop.
#include "asgi_request.hpp"

#include "asgi.hpp"
#include "asgi_response.hpp"

#include <algorithm>
#include <stdexcept>

#include <structmember.h>

namespace patchbay::python {

namespace {

constexpr std::uint64_t kBodyPart = 65536; // most bytes of one http.request

AsgiRequest &of(PyObject *object) noexcept
{
    return AsgiRequestType::of(object);
}

Ref disconnectMessage() noexcept
{
    return Ref::steal(Py_BuildValue("{s:s}", "type", "http.disconnect"));
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

void dropData(AsgiRequest &request) noexcept
{
    if (request.data.obj != nullptr) {
        PyBuffer_Release(&request.data);
    }
    request.data.obj = nullptr;
}

// ---- receive

Ref bodyMessage(AsgiRequest &request, Ref body) noexcept
{
    request.bodyTold = request.bodyLeft == 0;
    return Ref::steal(Py_BuildValue("{s:s,s:O,s:O}", "type", "http.request", "body", body.get(),
                                    "more_body", request.bodyTold ? Py_False : Py_True));
}

// The next message, or nothing yet (empty without an exception).
Ref nextBody(AsgiRequest &request)
{
    const std::uint64_t wanted = std::min(request.bodyLeft, kBodyPart);
    PyObject *body = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(wanted));
    if (body == nullptr) {
        return {};
    }
    pb_exchange &exchange = *request.exchange;
    const std::int64_t got =
        wanted == 0 ? 0 : exchange.read_body(exchange.context, PyBytes_AS_STRING(body), wanted);
    if (got < 0) {
        Py_DECREF(body);
        if (got == PB_AGAIN) {
            return {};
        }
        request.clientGone = true;
        return disconnectMessage();
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
        return disconnectMessage();
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
    return disconnectMessage();
}

PyObject *receive(PyObject *self, PyObject *)
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

// ---- send

// The exchange has ended; whoever waits for its end hears of it.
void finish(AsgiRequest &request, int result)
{
    pb_exchange &exchange = *std::exchange(request.exchange, nullptr);
    request.loop->ended(exchange);
    exchange.finish(exchange.context, result);
    resolve(request.receiving, disconnectMessage());
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
    if (!takeBody(message, body)) {
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
    switch (kindOf(message)) {
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
            if (!sendHead(message, *request.exchange, length)) {
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

PyObject *send(PyObject *self, PyObject *message)
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

// ---- the object

int traverse(PyObject *object, visitproc visit, void *arg) noexcept
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(of(object).receiving);
    Py_VISIT(of(object).sending);
    return 0;
}

int clear(PyObject *object) noexcept
{
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

// done(task): the callback of the application's task.
PyObject *done(PyObject *self, PyObject *task)
{
    AsgiRequest &request = of(self);
    if (request.loop != nullptr) {
        request.loop->taskEnded(request, task);
    }
    Py_RETURN_NONE;
}

PyMethodDef kMethods[] = {{"receive", &receive, METH_NOARGS, nullptr},
                          {"send", &send, METH_O, nullptr},
                          {"done", &done, METH_O, nullptr},
                          {nullptr, nullptr, 0, nullptr}};

} // namespace

AsgiRequestType::AsgiRequestType()
{
    PyType_Slot slots[] = {{Py_tp_dealloc, asSlot(&deallocate)},
                           {Py_tp_traverse, asSlot(&traverse)},
                           {Py_tp_clear, asSlot(&clear)},
                           {Py_tp_methods, kMethods},
                           {0, nullptr}};
    PyType_Spec spec{"patchbay.Request", sizeof(AsgiRequest), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION |
                         Py_TPFLAGS_IMMUTABLETYPE,
                     slots};
    type_ = Ref::steal(PyType_FromSpec(&spec));
    if (!type_) {
        throw std::runtime_error("Python failed to make a type: " + describeException());
    }
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

void AsgiRequestType::progress(AsgiRequest &request)
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

bool AsgiRequestType::end(AsgiRequest &request, PyObject *error)
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
