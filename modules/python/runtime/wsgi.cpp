// Worker process, request threads (step 10 of a request's life). Before: the core took a request
// from the ring. After: the core ends the reply.
#include "wsgi.hpp"

#include <cinttypes>
#include <cstdio>
#include <stdexcept>

namespace patchbay::python {

namespace {

// The standard library's is exactly what PEP 3333 describes.
Ref fileWrapperClass()
{
    const Ref module = Ref::steal(PyImport_ImportModule("wsgiref.util"));
    Ref type = module ? Ref::steal(PyObject_GetAttrString(module.get(), "FileWrapper")) : Ref();
    if (!type) {
        throw std::runtime_error("Python failed to import wsgiref.util: " + describeException());
    }
    return type;
}

// While it lives, start_response and wsgi.input belong to the request.
class Attachment {
public:
    Attachment(const ResponseCallables &callables, const InputType &inputType,
               RequestThread &thread, Response &response)
        : thread_(thread), good_(callables.attach(thread.startResponse, &response) &&
                                 inputType.attach(thread.input, response))
    {
    }
    ~Attachment()
    {
        if (good_) {
            ResponseCallables::detach(thread_.startResponse);
            InputType::detach(thread_.input);
        }
    }
    Attachment(const Attachment &) = delete;
    Attachment &operator=(const Attachment &) = delete;

    explicit operator bool() const noexcept { return good_; }

private:
    RequestThread &thread_;
    bool good_;
};

} // namespace

WsgiApplication::WsgiApplication(std::vector<Callable> targets, const sdk::Host &host,
                                 bool multithread)
    : targets_(std::move(targets)), host_(host),
      environs_(host.software(), multithread, fileWrapperClass().get()),
      closeName_(Ref::steal(PyUnicode_InternFromString("close")))
{
}

bool WsgiApplication::serve(RequestThread &thread, const sdk::Exchange &exchange)
{
    Response response(exchange, thread.scratch);
    if (call(thread, response)) {
        return true;
    }
    // The client's leaving is no failure of the application's, nor is what that led to.
    const bool raised = PyErr_Occurred() != nullptr;
    if (raised && response.gone() && PyErr_ExceptionMatches(PyExc_OSError) != 0) {
        PyErr_Clear();
    } else if (raised) {
        reportFailure(response, "Python failed to call the application");
    }
    return false;
}

bool WsgiApplication::call(RequestThread &thread, Response &response)
{
    const Attachment attachment(callables_, inputType_, thread, response);
    if (!attachment) {
        return false;
    }
    const auto bytes = response.exchange().message();
    const auto message = MessageReader::open(bytes.data(), bytes.size());
    if (!message || message->header().target >= targets_.size()) {
        PyErr_SetString(PyExc_RuntimeError, "the request message is damaged");
        return false;
    }
    const Callable &target = targets_[message->header().target];
    const Ref environ = environs_.make(*message, thread.input.get(), target.prefix);
    if (!environ) {
        return false;
    }
    PyObject *arguments[] = {nullptr, environ.get(), thread.startResponse.get()};
    const Ref body = Ref::steal(PyObject_Vectorcall(target.object.get(), arguments + 1,
                                                    2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
    if (!body) {
        return false;
    }
    const bool sent = sendBody(body, response);
    closeBody(body, response);
    return sent;
}

bool WsgiApplication::sendBody(const Ref &body, Response &response)
{
    if (PyList_CheckExact(body.get()) || PyTuple_CheckExact(body.get())) {
        // A tuple of its own: while the GIL is released the list may change.
        const Ref items = Ref::steal(PySequence_Tuple(body.get()));
        return items && response.sendAll(items.get()) && response.finish();
    }
    if (PyBytes_Check(body.get())) { // iterating it would give numbers
        const Ref items = Ref::steal(PyTuple_Pack(1, body.get()));
        return items && response.sendAll(items.get()) && response.finish();
    }
    return iterate(body, response);
}

bool WsgiApplication::iterate(const Ref &body, Response &response)
{
    const Ref iterator = Ref::steal(PyObject_GetIter(body.get()));
    if (!iterator) {
        return false;
    }
    for (;;) {
        const Ref item = Ref::steal(PyIter_Next(iterator.get()));
        if (!item) {
            return PyErr_Occurred() == nullptr && response.finish();
        }
        if (!response.send(item.get())) {
            return false;
        }
    }
}

// Always called, whatever became of the body; a pending exception stays pending.
void WsgiApplication::closeBody(const Ref &body, const Response &response)
{
    if (PyList_CheckExact(body.get()) || PyTuple_CheckExact(body.get()) ||
        PyBytes_CheckExact(body.get())) {
        return;
    }
    TakenException pending;
    const Ref method = Ref::steal(PyObject_GetAttr(body.get(), closeName_.get()));
    if (!method) {
        PyErr_Clear();
    } else {
        const Ref result = Ref::steal(PyObject_CallNoArgs(method.get()));
        if (!result) {
            reportFailure(response, "Python failed to call the close() method of the response");
        }
    }
    pending.restore();
}

// The pending exception's traceback, as it is, then the line that says which request it was.
void WsgiApplication::reportFailure(const Response &response, const char *what)
{
    printException();
    char line[128];
    std::snprintf(line, sizeof line, "[unit] #%" PRIu64 ": %s", response.exchange().id(), what);
    host_.log(PB_LOG_ERROR, line);
}

} // namespace patchbay::python
