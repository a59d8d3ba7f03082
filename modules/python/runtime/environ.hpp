// [worker] Turns a message into a WSGI environ. All members need the GIL, which also guards what is
// kept between requests.
#pragma once

#include "python.hpp"

#include "../message.hpp"
#include "patchbay/module.hpp"

#include <array>
#include <string>

namespace patchbay::python {

class EnvironFactory {
public:
    // fileWrapper: the class for wsgi.file_wrapper. Throws std::runtime_error.
    EnvironFactory(const char *software, bool multithread, PyObject *fileWrapper);

    // A dict of its own for one request. prefix: the target's. Empty, with an exception set: no
    // memory, or a damaged message.
    Ref make(const MessageReader &message, PyObject *input, std::string_view prefix);

private:
    struct RememberedKey {
        std::uint32_t hash = 0;
        std::string name; // of the field, in lower case
        Ref key;
    };

    void makePrepared(const char *software, bool multithread, PyObject *fileWrapper);
    bool add(PyObject *environ, const PairView &pair, Ref &previous);
    bool splitPath(PyObject *environ, std::string_view prefix);
    Ref keyFor(const PairView &pair);
    Ref valueFor(const PairView &pair, const Ref &previous);

    Ref prepared_; // what every environ has, as a dict with room for more
    Ref inputKey_;
    Ref scriptNameKey_;
    std::array<Ref, kKeyNames.size()> keys_;
    std::array<Ref, kValueTexts.size()> values_;
    std::array<Ref, kSteadyKeys> steady_;         // last value of each steady key
    std::array<RememberedKey, 256> remembered_{}; // keys without a number, by hash
};

} // namespace patchbay::python
