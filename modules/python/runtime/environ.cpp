// Worker process, request threads (step 10 of a request's life). Before: encoder.cpp wrote the
// message in the router. After: wsgi.cpp calls the application with the dict. What costs time under
// the GIL is avoided: constant keys are interned once, strings that come again are kept.
#include "environ.hpp"

#include "options.hpp"

#include <cstring>
#include <stdexcept>

namespace patchbay::python {

namespace {

// Longer ones are not worth keeping.
constexpr std::size_t kMaxSteadyValue = 512;
constexpr std::size_t kMaxRememberedKey = 64;
// A dict that has grown for this many members takes about twenty more without growing again, and a
// copy has the room of its original.
constexpr int kPreparedRoom = 24;

// Is this str made of exactly these latin-1 bytes?
bool hasBytes(PyObject *text, std::string_view bytes) noexcept
{
    return text != nullptr && PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND &&
           static_cast<std::size_t>(PyUnicode_GET_LENGTH(text)) == bytes.size() &&
           std::memcmp(PyUnicode_1BYTE_DATA(text), bytes.data(), bytes.size()) == 0;
}

Ref interned(std::string_view text)
{
    PyObject *object =
        PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
    if (object != nullptr) {
        PyUnicode_InternInPlace(&object);
    }
    if (object == nullptr) {
        throw std::runtime_error("Python has no memory for the environ.");
    }
    return Ref::steal(object);
}

void put(const Ref &dict, const Ref &key, const Ref &value)
{
    if (!key || !value || PyDict_SetItem(dict.get(), key.get(), value.get()) != 0) {
        throw std::runtime_error("Python failed to prepare the environ: " + describeException());
    }
}

void put(const Ref &dict, std::string_view key, const Ref &value)
{
    put(dict, interned(key), value);
}

// Members that come and go leave the room they took. Their names are str: a dict with other keys is
// slower.
void makeRoom(const Ref &dict)
{
    const Py_ssize_t used = PyDict_Size(dict.get());
    const auto filler = [](int i) { return Ref::steal(PyUnicode_FromFormat("filler %d", i)); };
    for (int i = 0; used + i < kPreparedRoom; ++i) {
        put(dict, filler(i), Ref::borrow(Py_None));
    }
    for (int i = 0; PyDict_Size(dict.get()) > used; ++i) {
        const Ref key = filler(i);
        if (!key || PyDict_DelItem(dict.get(), key.get()) != 0) {
            throw std::runtime_error("Python failed to prepare the environ: " +
                                     describeException());
        }
    }
}

} // namespace

EnvironFactory::EnvironFactory(const char *software, bool multithread, PyObject *fileWrapper)
{
    for (std::size_t i = 1; i < kKeyNames.size(); ++i) {
        keys_[i] = interned(kKeyNames[i]);
    }
    for (std::size_t i = kPreviousValue + 1; i < kValueTexts.size(); ++i) {
        values_[i] = interned(kValueTexts[i]);
    }
    inputKey_ = interned("wsgi.input");
    scriptNameKey_ = interned("SCRIPT_NAME");
    makePrepared(software, multithread, fileWrapper);
}

void EnvironFactory::makePrepared(const char *software, bool multithread, PyObject *fileWrapper)
{
    prepared_ = Ref::steal(PyDict_New());
    if (!prepared_) {
        throw std::runtime_error("Python has no memory for the environ.");
    }
    const auto truth = [](bool value) { return Ref::borrow(value ? Py_True : Py_False); };
    put(prepared_, "REQUEST_METHOD", interned(kDefaultMethod));
    put(prepared_, "SCRIPT_NAME", interned(""));
    put(prepared_, "QUERY_STRING", interned(kDefaultQuery));
    put(prepared_, "SERVER_PROTOCOL", interned(kDefaultProtocol));
    put(prepared_, "SERVER_SOFTWARE", interned(software));
    put(prepared_, "wsgi.version", Ref::steal(Py_BuildValue("(ii)", 1, 0)));
    put(prepared_, "wsgi.url_scheme", interned(kDefaultScheme));
    put(prepared_, "wsgi.errors", Ref::borrow(PySys_GetObject("stderr")));
    put(prepared_, "wsgi.multithread", truth(multithread));
    put(prepared_, "wsgi.multiprocess", truth(true));
    put(prepared_, "wsgi.run_once", truth(false));
    put(prepared_, "wsgi.file_wrapper", Ref::borrow(fileWrapper));
    put(prepared_, "wsgi.input_terminated", truth(true));
    // Set for each request: their places are taken, so that a copy has them.
    for (const std::string_view key : {"REQUEST_URI", "PATH_INFO", "SERVER_NAME", "SERVER_PORT",
                                       "SERVER_ADDR", "REMOTE_ADDR", "wsgi.input"}) {
        put(prepared_, key, interned(""));
    }
    makeRoom(prepared_);
}

Ref EnvironFactory::make(const MessageReader &message, PyObject *input, std::string_view prefix)
{
    Ref environ = Ref::steal(PyDict_Copy(prepared_.get()));
    if (!environ || PyDict_SetItem(environ.get(), inputKey_.get(), input) != 0) {
        return {};
    }
    Ref previous;
    PairView pair{};
    for (std::uint32_t i = 0; i < message.header().pairCount; ++i) {
        if (!message.pair(i, pair)) {
            PyErr_SetString(PyExc_RuntimeError, "the request message is damaged");
            return {};
        }
        if (!add(environ.get(), pair, previous)) {
            return {};
        }
    }
    if (!prefix.empty() && !splitPath(environ.get(), prefix)) {
        return {};
    }
    return environ;
}

// A path below the prefix: that is where the application lives, the rest is its own path.
bool EnvironFactory::splitPath(PyObject *environ, std::string_view prefix)
{
    PyObject *pathKey = keys_[keyOf("PATH_INFO")].get();
    const Ref path = Ref::borrow(PyDict_GetItemWithError(environ, pathKey));
    if (!path) {
        return PyErr_Occurred() == nullptr;
    }
    const std::string_view bytes(reinterpret_cast<const char *>(PyUnicode_1BYTE_DATA(path.get())),
                                 static_cast<std::size_t>(PyUnicode_GET_LENGTH(path.get())));
    if (!isBelow(bytes, prefix)) {
        return true;
    }
    const Ref own = latin1(bytes.substr(prefix.size()));
    const Ref mount = latin1(prefix);
    return own && mount && PyDict_SetItem(environ, pathKey, own.get()) == 0 &&
           PyDict_SetItem(environ, scriptNameKey_.get(), mount.get()) == 0;
}

bool EnvironFactory::add(PyObject *environ, const PairView &pair, Ref &previous)
{
    Ref value = valueFor(pair, previous);
    if (!value) {
        return false;
    }
    int result = -1;
    if (pair.key != kOwnName) {
        result = PyDict_SetItem(environ, keys_[pair.key].get(), value.get());
    } else {
        const Ref key = keyFor(pair);
        result = key ? PyDict_SetItem(environ, key.get(), value.get()) : -1;
    }
    previous = std::move(value);
    return result == 0;
}

Ref EnvironFactory::keyFor(const PairView &pair)
{
    RememberedKey &place = remembered_[pair.hash % remembered_.size()];
    if (place.hash == pair.hash && place.key && place.name == pair.ownKey) {
        return Ref::borrow(place.key.get());
    }
    std::string text = "HTTP_";
    for (const char c : pair.ownKey) {
        text += static_cast<char>(kEnvironBytes[static_cast<unsigned char>(c)]);
    }
    Ref key = latin1(text);
    if (key && pair.ownKey.size() <= kMaxRememberedKey) {
        place.hash = pair.hash;
        place.name = pair.ownKey;
        place.key = Ref::borrow(key.get());
    }
    return key;
}

Ref EnvironFactory::valueFor(const PairView &pair, const Ref &previous)
{
    if (pair.value == kPreviousValue && previous) {
        return Ref::borrow(previous.get());
    }
    if (pair.value > kPreviousValue) {
        return Ref::borrow(values_[pair.value].get());
    }
    if (pair.key == kOwnName || pair.key >= kSteadyKeys) {
        return latin1(pair.ownValue);
    }
    Ref &last = steady_[pair.key];
    if (hasBytes(last.get(), pair.ownValue)) {
        return Ref::borrow(last.get());
    }
    Ref value = latin1(pair.ownValue);
    if (value && pair.ownValue.size() <= kMaxSteadyValue) {
        last = Ref::borrow(value.get());
    }
    return value;
}

} // namespace patchbay::python
