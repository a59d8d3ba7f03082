// [worker] Turns a message into the scope of an ASGI request. GIL held for all.
#pragma once

#include "python.hpp"

#include "../message.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace patchbay::python {

class ScopeFactory {
public:
    ScopeFactory(); // throws std::runtime_error

    // A dict of its own for one request. prefix: the target's; state: of the lifespan. Empty, with
    // an exception set: no memory, or a damaged message.
    Ref make(const MessageReader &message, std::string_view prefix, PyObject *state);

private:
    enum Key : std::size_t {
        kAsgi,
        kExtensions,
        kMethod,
        kHttpVersion,
        kScheme,
        kQueryString,
        kClient,
        kServer,
        kRootPath,
        kPath,
        kRawPath,
        kHeaders,
        kState,
        kKeys
    };
    // What the pairs say that are no header fields, as bytes in the message.
    using Texts = std::array<std::string_view, kKeyNames.size()>;
    struct Field {
        std::uint16_t place;
        Ref name;
        std::string_view value;
    };

    bool put(PyObject *scope, Key key, const Ref &value) const noexcept;
    bool read(const MessageReader &message, Texts &texts);
    bool readRepeated(const MessageReader &message);
    Ref nameOf(const PairView &pair);
    Ref headers();
    const Ref &serverOf(std::string_view address, std::string_view port);
    bool fill(PyObject *scope, const Texts &texts, std::string_view prefix);
    bool setPath(PyObject *scope, const Texts &texts, std::string_view prefix);

    std::array<Ref, kKeys> keys_; // interned
    Ref prepared_;                // has all of them, in their order
    Ref version_;                 // of scope["asgi"], to be copied
    Ref server_;                  // the last one, and what it was made of
    std::string serverAddress_, serverPort_;
    std::array<Ref, kKeyNames.size()> fieldNames_; // bytes; of HTTP_ keys
    std::vector<Field> fields_;                    // of the request being made
    std::vector<PairView> pairs_;
    std::vector<std::uint32_t> fieldOf_; // by pair: its index in fields_; UINT32_MAX: none
};

} // namespace patchbay::python
