// [worker] One request of an ASGI application: what its receive() and send() belong to, and the
// coroutine that its task runs. GIL held for all, on the thread of the request's event loop.
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
    PyObject *application;        // iterator of what its call returned; owned; null: it has ended
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

// A request object is the coroutine that asyncio runs: it steps the application's, and hears of its
// end without a callback of the task, which would cost another turn of the loop.
class AsgiRequestType {
public:
    AsgiRequestType(); // throws std::runtime_error

    // Empty, exception set: no memory.
    Ref make(AsgiLoop &loop, pb_exchange &exchange) const;
    // What the application is called with. Empty, exception set: no memory.
    static Ref receiveOf(const Ref &request) noexcept;
    static Ref sendOf(const Ref &request) noexcept;
    // What its call returned: anything that can be awaited. False: exception set.
    static bool start(AsgiRequest &request, const Ref &awaitable);

    static AsgiRequest &of(PyObject *object) noexcept
    {
        return *reinterpret_cast<AsgiRequest *>(object);
    }

private:
    Ref type_;
};

// asgi_request.cpp
PyObject *receiveMessage(PyObject *request, PyObject *);
PyObject *sendMessage(PyObject *request, PyObject *message);
// Something came for what it waits for.
void progress(AsgiRequest &request);
// The application has returned, or failed with this exception: whatever is missing now will never
// come. True: nothing to complain of. error may be null.
bool end(AsgiRequest &request, PyObject *error);
void dropData(AsgiRequest &request) noexcept; // it writes no more

} // namespace patchbay::python
