// [worker] Texts that each ASGI request needs, interned once: a look-up in a message that was
// written in Python then compares pointers. GIL held.
#pragma once

#include "python.hpp"

namespace patchbay::python {

struct AsgiKeys {
    AsgiKeys(); // throws std::runtime_error

    Ref type, status, headers, body, moreBody;
    Ref responseStart, responseBody; // values of type
    Ref lastRequest;                 // a whole http.request without a body, to be copied
    Ref disconnect;                  // a whole http.disconnect, to be copied
};

} // namespace patchbay::python
