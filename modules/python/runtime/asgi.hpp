// [worker] Serves requests with ASGI applications: an event loop of asyncio's per request thread,
// as many requests at a time as the core lets it have. GIL held for all.
#pragma once

#include "python.hpp"

#include "application.hpp"
#include "asgi_keys.hpp"
#include "asgi_request.hpp"
#include "asgi_scope.hpp"
#include "awaitable.hpp"

#include "patchbay/module.hpp"

#include <unordered_set>
#include <vector>

namespace patchbay::python {

// What all event loops of the process share.
class AsgiApplication {
public:
    // targets: at least one. Main thread. Throws std::runtime_error.
    AsgiApplication(std::vector<Callable> targets, const sdk::Host &host);

private:
    friend class AsgiLoop;

    static PyObject *logLine(PyObject *self, PyObject *line);

    std::vector<Callable> targets_;
    sdk::Host host_;
    AsgiKeys keys_;
    AwaitableType awaitables_;
    AsgiRequestType requests_;
    Ref support_;     // the module made of asgi_support.py
    Ref startFailed_; // its exception
    Ref cancelled_;   // asyncio's
    Ref log_;         // a function: a line for the log
};

class AsgiLoop {
public:
    // Request thread. Begins the lifespan of each application. Throws std::runtime_error: one
    // cannot start, which the traceback has said, too.
    AsgiLoop(AsgiApplication &application, const pb_loop &core);
    ~AsgiLoop();
    AsgiLoop(const AsgiLoop &) = delete;
    AsgiLoop &operator=(const AsgiLoop &) = delete;

    // Until the core says stop and what there is has ended. Throws std::runtime_error.
    void run();

    // For requests.
    const AsgiKeys &keys() const noexcept { return application_.keys_; }
    const AwaitableType &awaitables() const noexcept { return application_.awaitables_; }
    Ref newFuture() const { return Ref::steal(PyObject_CallNoArgs(createFuture_.get())); }
    void ended(pb_exchange &exchange) noexcept; // it is about to be finished
    // error: what the application failed with, or null. True: its task was cancelled.
    bool taskEnded(AsgiRequest &request, PyObject *error);
    void forget(AsgiRequest &request) noexcept { live_.erase(&request); }

private:
    static PyObject *pollCore(PyObject *self, PyObject *);
    void poll();
    void begin(pb_exchange &exchange);
    bool startTask(const Ref &object, const pb_exchange &exchange);
    Ref call(const Callable &target, const Ref &scope, const Ref &request);
    void stopIfDone();
    void report(std::uint64_t id, PyObject *error);

    AsgiApplication &application_;
    const pb_loop &core_;
    ScopeFactory scopes_;
    Ref eventLoop_;  // EventLoop of the support module
    Ref states_;     // list of dicts, by target
    Ref createTask_; // set by run()
    Ref createFuture_;
    std::unordered_set<AsgiRequest *> live_; // those that may call us
    std::size_t tasks_ = 0;
    bool stopping_ = false;
};

} // namespace patchbay::python
