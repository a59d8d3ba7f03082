// [worker] What an ASGI application gives to send(): checked, then handed to the core. GIL held.
#pragma once

#include "python.hpp"

#include "asgi_keys.hpp"

#include "patchbay/module.hpp"

#include <cstdint>
#include <optional>

namespace patchbay::python {

enum class MessageKind { start, body, unknown }; // unknown: exception set
MessageKind kindOf(const AsgiKeys &keys, PyObject *message);

// http.response.start. False: exception set; nothing was sent. length: of the Content-Length.
bool sendHead(const AsgiKeys &keys, PyObject *message, pb_exchange &exchange,
              std::optional<std::uint64_t> &length);

// http.response.body.
class BodyMessage {
public:
    BodyMessage() noexcept = default;
    ~BodyMessage()
    {
        if (data.obj != nullptr) {
            PyBuffer_Release(&data);
        }
    }
    BodyMessage(const BodyMessage &) = delete;
    BodyMessage &operator=(const BodyMessage &) = delete;

    std::size_t size() const noexcept { return static_cast<std::size_t>(data.len); }
    Py_buffer release() noexcept
    {
        const Py_buffer result = data;
        data.obj = nullptr;
        return result;
    }

    Py_buffer data{};
    bool last = true;
};
bool takeBody(const AsgiKeys &keys, PyObject *message, BodyMessage &body); // false: exception set

} // namespace patchbay::python
