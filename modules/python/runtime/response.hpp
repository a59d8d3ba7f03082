// [worker] The answer to one request: what start_response() and the application's body say, checked
// against PEP 3333 and handed to the core. Lives on the stack of serve(). All members need the GIL;
// they give it up while the core may block. false: a Python exception is set, or gone().
#pragma once

#include "python.hpp"

#include "patchbay/module.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace patchbay::python {

// Memory of a request thread that its requests use one after the other.
struct ResponseScratch {
    std::vector<pb_field> fields;        // views into `owners`
    std::vector<Ref> owners;             // names and values given to start_response()
    std::vector<std::string_view> parts; // of a body
};

class Response {
public:
    Response(const sdk::Exchange &exchange, ResponseScratch &scratch) noexcept;
    ~Response();
    Response(const Response &) = delete;
    Response &operator=(const Response &) = delete;

    // start_response(). excInfo may be null.
    bool start(PyObject *status, PyObject *fields, PyObject *excInfo);
    // One item of the body, sent as it comes.
    bool send(PyObject *item);
    // Body items that are all there: sent together. items: a tuple, held by the caller.
    bool sendAll(PyObject *items);
    // After the last item: the head of an empty body goes out.
    bool finish();

    // The client has left: nothing more can be sent, and nobody is to blame.
    bool gone() const noexcept { return gone_; }
    // For wsgi.input: it has found out.
    void setGone() noexcept { gone_ = true; }
    const sdk::Exchange &exchange() const noexcept { return exchange_; }

private:
    bool takeFields(PyObject *fields);
    bool takeField(PyObject *field, std::optional<std::uint64_t> &length);
    bool account(PyObject *item, std::string_view &bytes);
    bool transmit(bool hold);
    void forgetFields() noexcept;

    const sdk::Exchange &exchange_;
    ResponseScratch &scratch_; // the thread's
    std::uint32_t status_ = 0; // 0: start_response() was not called
    bool headSent_ = false;
    bool gone_ = false;
    std::optional<std::uint64_t> declared_; // Content-Length, the application's
    std::uint64_t given_ = 0;               // body bytes so far
};

} // namespace patchbay::python
