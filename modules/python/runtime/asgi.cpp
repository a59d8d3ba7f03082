// Worker process, request threads (step 10 of a request's life). Before: the core's request_loop
// took a request from the ring. After: asgi_request.cpp answers what the application says.
#include "asgi.hpp"

#include "asgi_support.hpp"

#include <cinttypes>
#include <cstdio>
#include <stdexcept>

namespace patchbay::python {

namespace {

constexpr char kSupportName[] = "_patchbay_asgi";

Ref importSupport()
{
    const Ref code = Ref::steal(Py_CompileString(kAsgiSupport, "<patchbay asgi>", Py_file_input));
    Ref module = code ? Ref::steal(PyImport_ExecCodeModule(kSupportName, code.get())) : Ref();
    if (!module) {
        throw std::runtime_error("Python failed to prepare asyncio: " + describeException());
    }
    return module;
}

// A function object for C code that needs `context`, which must outlive it.
Ref functionFor(PyMethodDef &method, void *context)
{
    const Ref capsule = Ref::steal(PyCapsule_New(context, nullptr, nullptr));
    Ref function = capsule ? Ref::steal(PyCFunction_New(&method, capsule.get())) : Ref();
    if (!function) {
        throw std::runtime_error("Python has no memory for a function.");
    }
    return function;
}

// The pending exception's traceback to sys.stderr; its last line is thrown.
[[noreturn]] void throwPending(PyObject *quietType)
{
    const bool quiet = quietType != nullptr && PyErr_ExceptionMatches(quietType) != 0;
    std::string text = describeException();
    if (quiet) { // it says all itself
        text = text.substr(text.find(": ") + 2);
        PyErr_Clear();
    } else {
        printException();
    }
    throw std::runtime_error(text);
}

} // namespace

AsgiApplication::AsgiApplication(std::vector<Callable> targets, const sdk::Host &host)
    : targets_(std::move(targets)), host_(host), support_(importSupport())
{
    static PyMethodDef method = {"log", &logLine, METH_O, nullptr};
    log_ = functionFor(method, this);
    startFailed_ = Ref::steal(PyObject_GetAttrString(support_.get(), "StartFailed"));
    cancelled_ = Ref::steal(PyObject_GetAttrString(support_.get(), "CancelledError"));
}

PyObject *AsgiApplication::logLine(PyObject *self, PyObject *line)
{
    auto &application = *static_cast<AsgiApplication *>(PyCapsule_GetPointer(self, nullptr));
    const char *text = PyUnicode_AsUTF8(line);
    if (text == nullptr) {
        return nullptr;
    }
    application.host_.log(PB_LOG_INFO, text);
    Py_RETURN_NONE;
}

AsgiLoop::AsgiLoop(AsgiApplication &application, const pb_loop &core)
    : application_(application), core_(core)
{
    const std::vector<Callable> &targets = application.targets_;
    const Ref pairs = Ref::steal(PyList_New(0));
    for (const Callable &target : targets) {
        const Ref pair =
            Ref::steal(PyTuple_Pack(2, target.object.get(), target.isAsgi2 ? Py_True : Py_False));
        if (!pairs || !pair || PyList_Append(pairs.get(), pair.get()) != 0) {
            throwPending(nullptr);
        }
    }
    PyObject *support = application.support_.get();
    eventLoop_ = Ref::steal(
        PyObject_CallMethod(support, "EventLoop", "OO", pairs.get(), application.log_.get()));
    const Ref loop =
        eventLoop_ ? Ref::steal(PyObject_GetAttrString(eventLoop_.get(), "loop")) : Ref();
    createFuture_ = loop ? Ref::steal(PyObject_GetAttrString(loop.get(), "create_future")) : Ref();
    if (!createFuture_) {
        throwPending(nullptr);
    }
    states_ = Ref::steal(PyObject_CallMethod(eventLoop_.get(), "start", nullptr));
    if (!states_ || !PyList_Check(states_.get()) ||
        static_cast<std::size_t>(PyList_GET_SIZE(states_.get())) != targets.size()) {
        throwPending(application.startFailed_.get());
    }
}

AsgiLoop::~AsgiLoop()
{
    for (AsgiRequest *request : live_) { // their objects are somebody's who does not let go
        request->loop = nullptr;
        request->exchange = nullptr;
    }
}

void AsgiLoop::run()
{
    static PyMethodDef method = {"poll", &pollCore, METH_NOARGS, nullptr};
    const Ref function = functionFor(method, this);
    createTask_ = Ref::steal(PyObject_CallMethod(eventLoop_.get(), "task_maker", nullptr));
    const Ref served = createTask_ ? Ref::steal(PyObject_CallMethod(eventLoop_.get(), "serve", "iO",
                                                                    core_.wake_fd, function.get()))
                                   : Ref();
    if (!served) {
        throwPending(nullptr);
    }
    const Ref ended = Ref::steal(PyObject_CallMethod(eventLoop_.get(), "end", nullptr));
    if (!ended) {
        printException();
    }
}

PyObject *AsgiLoop::pollCore(PyObject *self, PyObject *)
{
    static_cast<AsgiLoop *>(PyCapsule_GetPointer(self, nullptr))->poll();
    Py_RETURN_NONE;
}

void AsgiLoop::poll()
{
    pb_loop_event event{};
    event.struct_size = sizeof event;
    for (;;) {
        core_.next(core_.context, &event);
        switch (event.kind) {
        case PB_LOOP_REQUEST:
            begin(*event.exchange);
            break;
        case PB_LOOP_PROGRESS: {
            const Ref request = Ref::borrow(static_cast<PyObject *>(event.exchange->user));
            if (request) {
                progress(AsgiRequestType::of(request.get()));
            }
            break;
        }
        case PB_LOOP_STOP:
            stopping_ = true;
            stopIfDone();
            break;
        default:
            return;
        }
    }
}

void AsgiLoop::begin(pb_exchange &exchange)
{
    const Ref object = application_.requests_.make(*this, exchange);
    if (!object) {
        PyErr_Clear();
        exchange.finish(exchange.context, PB_ERROR);
        return;
    }
    AsgiRequest &request = AsgiRequestType::of(object.get());
    live_.insert(&request);
    ++tasks_;
    exchange.user = Py_NewRef(object.get()); // until ended()
    if (!startTask(object, exchange)) {
        const TakenException exception;
        Py_CLEAR(request.application);
        taskEnded(request, exception.value());
    }
}

bool AsgiLoop::startTask(const Ref &object, const pb_exchange &exchange)
{
    const auto message = MessageReader::open(exchange.message, exchange.message_size);
    if (!message || message->header().target >= application_.targets_.size()) {
        PyErr_SetString(PyExc_RuntimeError, "the request message is damaged");
        return false;
    }
    const std::uint32_t target = message->header().target;
    const Callable &callable = application_.targets_[target];
    const Ref scope =
        scopes_.make(*message, callable.prefix, PyList_GET_ITEM(states_.get(), Py_ssize_t{target}));
    const Ref awaitable = scope ? call(callable, scope, object) : Ref();
    if (!awaitable || !AsgiRequestType::start(AsgiRequestType::of(object.get()), awaitable)) {
        return false;
    }
    const Ref task = Ref::steal(PyObject_CallOneArg(createTask_.get(), object.get()));
    return static_cast<bool>(task);
}

// Empty, exception set: it failed before its first await.
Ref AsgiLoop::call(const Callable &target, const Ref &scope, const Ref &request)
{
    const Ref receive = AsgiRequestType::receiveOf(request);
    const Ref send = AsgiRequestType::sendOf(request);
    if (!receive || !send) {
        return {};
    }
    PyObject *arguments[] = {scope.get(), receive.get(), send.get()};
    if (!target.isAsgi2) {
        return Ref::steal(PyObject_Vectorcall(target.object.get(), arguments, 3, nullptr));
    }
    const Ref instance = Ref::steal(PyObject_CallOneArg(target.object.get(), scope.get()));
    return instance ? Ref::steal(PyObject_Vectorcall(instance.get(), arguments + 1, 2, nullptr))
                    : Ref();
}

void AsgiLoop::ended(pb_exchange &exchange) noexcept
{
    const Ref request = Ref::steal(static_cast<PyObject *>(std::exchange(exchange.user, nullptr)));
}

bool AsgiLoop::taskEnded(AsgiRequest &request, PyObject *error)
{
    const std::uint64_t id = request.id;
    if (!end(request, error)) {
        report(id, error);
    }
    live_.erase(&request);
    request.loop = nullptr;
    --tasks_;
    stopIfDone();
    return error != nullptr &&
           PyErr_GivenExceptionMatches(error, application_.cancelled_.get()) != 0;
}

void AsgiLoop::stopIfDone()
{
    if (stopping_ && tasks_ == 0) {
        const Ref stopped = Ref::steal(PyObject_CallMethod(eventLoop_.get(), "stop", nullptr));
        if (!stopped) {
            printException();
        }
    }
}

// The exception's traceback, as it is, then the line that says which request it was.
void AsgiLoop::report(std::uint64_t id, PyObject *error)
{
    const char *what = "the application returned before its response was complete";
    if (error != nullptr) {
        PyErr_SetObject(reinterpret_cast<PyObject *>(Py_TYPE(error)), error);
        printException();
        what = "Python failed to call the application";
    }
    char line[128];
    std::snprintf(line, sizeof line, "[unit] #%" PRIu64 ": %s", id, what);
    application_.host_.log(PB_LOG_ERROR, line);
}

} // namespace patchbay::python
