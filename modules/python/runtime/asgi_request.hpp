// [worker] One request of an ASGI application: the object whose methods are receive() and send().
// GIL held for all, on the thread of the request's event loop.
#pragma once

#include "python.hpp"

#include "awaitable.hpp"

#include "patchbay/module.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace patchbay::python {

class AsgiLoop;

// What the Python object holds. exchange is null when the exchange has ended; the object may live
// on, with the application.
struct AsgiRequest {
    PyObject_HEAD AsgiLoop *loop; // null: that has ended, too
    pb_exchange *exchange;
    std::uint64_t id;
    std::uint64_t bodyLeft;
    bool bodyTold;   // the last http.request was given
    bool started;    // http.response.start came
    bool sentBody;   // some http.response.body came
    bool finished;   // the last http.response.body came
    bool clientGone; // found out
    bool leftTold;   // http.disconnect was given, though an answer may still be wanted
    bool hasLength;
    std::uint64_t lengthLeft; // of the Content-Length
    PyObject *receiving;      // future of a receive() that waits; owned
    PyObject *sending;        // the same of a send()
    Py_buffer data;           // what that one still has to write; obj null: nothing
    std::size_t written;      // of data
    bool last;                // data is the end
};

class AsgiRequestType {
public:
    AsgiRequestType(); // throws std::runtime_error

    // Empty, exception set: no memory. Its methods go to the application.
    Ref make(AsgiLoop &loop, pb_exchange &exchange) const;

    static AsgiRequest &of(PyObject *object) noexcept
    {
        return *reinterpret_cast<AsgiRequest *>(object);
    }
    // Something came for what it waits for.
    static void progress(AsgiRequest &request);
    // The application has returned, or failed with this exception: whatever is missing now will
    // never come. True: nothing to complain of. error may be null.
    static bool end(AsgiRequest &request, PyObject *error);

private:
    Ref type_;
};

} // namespace patchbay::python
