// [worker] start_response and write: the two functions an application gets for a request. They are
// objects of a request thread, used again for its next request unless the application kept them.
#pragma once

#include "python.hpp"

namespace patchbay::python {

class Response;

// The Python objects. response is null when no request is being served: calling raises.
struct ResponseCallable {
    PyObject_HEAD vectorcallfunc call;
    Response *response;
    PyObject *write; // start_response only: what it returns; owned
};

class ResponseCallables {
public:
    // Throws std::runtime_error. GIL held, main thread, before the first request.
    ResponseCallables();

    // A start_response() with its write(), without a request. Empty, exception set: no memory.
    Ref make() const;

    // Attaches to a request (or to none). One that the application kept is replaced first.
    bool attach(Ref &startResponse, Response *response) const;
    static void detach(const Ref &startResponse) noexcept;

private:
    Ref startResponseType_;
    Ref writeType_;
};

} // namespace patchbay::python
