// [worker] wsgi.input: the request body as a file that can only be read. The body is read from the
// core as the application asks for it, never further ahead than one buffer.
#pragma once

#include "python.hpp"

#include <cstddef>
#include <cstdint>

namespace patchbay::python {

class Response;

// The Python object. Reading is for the thread that serves the request, as pb_exchange has it.
struct InputObject {
    PyObject_HEAD Response *response; // null: no request; reading raises
    unsigned long thread;             // that serves
    std::uint64_t remaining;          // bytes the core has not handed over
    char *buffer;                     // owned; made when first needed, kept for later requests
    std::size_t begin;                // bytes read ahead: [begin, end) of buffer
    std::size_t end;
};

class InputType {
public:
    // Throws std::runtime_error. GIL held, main thread, before the first request.
    InputType();

    // An object for one request. `input` is used again unless the application kept it. False,
    // exception set: no memory.
    bool attach(Ref &input, Response &response) const;
    // After the request: an object that the application kept raises from now on.
    static void detach(const Ref &input) noexcept;

private:
    Ref type_;
};

} // namespace patchbay::python
