// [worker] Serves requests with a WSGI application (PEP 3333).
#pragma once

#include "python.hpp"

#include "application.hpp"
#include "callables.hpp"
#include "environ.hpp"
#include "input.hpp"
#include "response.hpp"

#include "patchbay/module.hpp"

namespace patchbay::python {

// What a request thread keeps from one request to the next. GIL held for its making and its end.
struct RequestThread {
    Ref startResponse;
    Ref input;
    ResponseScratch scratch;
};

class WsgiApplication {
public:
    // targets: at least one. Main thread, GIL held. Throws std::runtime_error.
    WsgiApplication(std::vector<Callable> targets, const sdk::Host &host, bool multithread);

    // Request thread, GIL held. True: the response is complete.
    bool serve(RequestThread &thread, const sdk::Exchange &exchange);

private:
    bool call(RequestThread &thread, Response &response);
    bool sendBody(const Ref &body, Response &response);
    bool iterate(const Ref &body, Response &response);
    void closeBody(const Ref &body, const Response &response);
    void reportFailure(const Response &response, const char *what);

    std::vector<Callable> targets_;
    sdk::Host host_;
    ResponseCallables callables_;
    InputType inputType_;
    EnvironFactory environs_;
    Ref closeName_;
};

} // namespace patchbay::python
