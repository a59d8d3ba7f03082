// Worker process, request threads (step 10 of a request's life). Before: encoder.cpp wrote the
// message in the router. After: asgi.cpp calls the application with the dict.
#include "asgi_scope.hpp"

#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace patchbay::python {

namespace {

constexpr std::string_view kHttp = "HTTP_";
constexpr std::string_view kUnix = "unix:";
// As the enum in the header.
constexpr const char *kScopeKeys[] = {
    "asgi",   "extensions", "method", "http_version", "scheme",  "query_string", "client",
    "server", "root_path",  "path",   "raw_path",     "headers", "state"};

Ref bytesOf(std::string_view text) noexcept
{
    return Ref::steal(PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

// (address, port), or (path, None) of a Unix socket.
Ref endOf(std::string_view address, std::string_view port) noexcept
{
    Ref number = Ref::borrow(Py_None);
    if (address.starts_with(kUnix)) {
        address.remove_prefix(kUnix.size());
    } else {
        int value = 0;
        std::from_chars(port.data(), port.data() + port.size(), value);
        number = Ref::steal(PyLong_FromLong(value));
    }
    const Ref text = latin1(address);
    return text && number ? Ref::steal(PyTuple_Pack(2, text.get(), number.get())) : Ref();
}

// Of "/a%2fb?x" and "http://host/a%2fb?x": "/a%2fb".
std::string_view rawPath(std::string_view target) noexcept
{
    if (!target.starts_with('/')) {
        const std::size_t authority = target.find("://");
        const std::size_t path =
            authority == target.npos ? target.npos : target.find_first_of("/?", authority + 3);
        target = path == target.npos || target[path] == '?' ? "/" : target.substr(path);
    }
    return target.substr(0, target.find('?'));
}

} // namespace

ScopeFactory::ScopeFactory()
{
    for (std::size_t key = 1; key < kKeyNames.size(); ++key) {
        if (kKeyNames[key].starts_with(kHttp)) {
            std::string name(kKeyNames[key].substr(kHttp.size()));
            for (char &c : name) {
                c = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            }
            fieldNames_[key] = bytesOf(name);
        }
    }
    prepared_ = Ref::steal(Py_BuildValue(
        "{s:s,s:O,s:O,s:s,s:s,s:s,s:y,s:O,s:O,s:s}", "type", "http", kScopeKeys[kAsgi], Py_None,
        kScopeKeys[kExtensions], Py_None, kScopeKeys[kMethod], kDefaultMethod.data(),
        kScopeKeys[kHttpVersion], "1.1", kScopeKeys[kScheme], "http", kScopeKeys[kQueryString], "",
        kScopeKeys[kClient], Py_None, kScopeKeys[kServer], Py_None, kScopeKeys[kRootPath], ""));
    version_ = Ref::steal(Py_BuildValue("{s:s,s:s}", "version", "3.0", "spec_version", "2.1"));
    for (std::size_t key = 0; key < kKeys; ++key) {
        keys_[key] = Ref::steal(PyUnicode_InternFromString(kScopeKeys[key]));
    }
    if (PyErr_Occurred() != nullptr) {
        throw std::runtime_error("Python failed to prepare the scope: " + describeException());
    }
}

bool ScopeFactory::put(PyObject *scope, Key key, const Ref &value) const noexcept
{
    return value && PyDict_SetItem(scope, keys_[key].get(), value.get()) == 0;
}

Ref ScopeFactory::make(const MessageReader &message, std::string_view prefix, PyObject *state)
{
    Texts texts;
    fields_.clear();
    texts.fill({});
    texts[keyOf("REQUEST_METHOD")] = kDefaultMethod;
    if (!read(message, texts)) {
        if (PyErr_Occurred() == nullptr) {
            PyErr_SetString(PyExc_RuntimeError, "the request message is damaged");
        }
        return {};
    }
    Ref scope = Ref::steal(PyDict_Copy(prepared_.get()));
    if (!scope || !fill(scope.get(), texts, prefix) || !put(scope.get(), kHeaders, headers()) ||
        !put(scope.get(), kState, Ref::steal(PyDict_Copy(state)))) {
        return {};
    }
    return scope;
}

// False: damaged, or an exception is set.
bool ScopeFactory::read(const MessageReader &message, Texts &texts)
{
    pairs_.resize(message.header().pairCount);
    fieldOf_.assign(pairs_.size(), UINT32_MAX);
    std::string_view previous;
    for (std::uint32_t i = 0; i < pairs_.size(); ++i) {
        PairView &pair = pairs_[i];
        if (!message.pair(i, pair)) {
            return false;
        }
        if (pair.value == kPreviousValue) {
            pair.ownValue = previous;
        } else if (pair.value != kOwnValue) {
            pair.ownValue = kValueTexts[pair.value];
        }
        previous = pair.ownValue;
        if (pair.field == 0) {
            texts[pair.key] = pair.ownValue;
            continue;
        }
        Ref name = nameOf(pair);
        if (!name) {
            return false;
        }
        fieldOf_[i] = static_cast<std::uint32_t>(fields_.size());
        fields_.push_back({pair.field, std::move(name), pair.ownValue});
    }
    return message.header().partCount == 0 || readRepeated(message);
}

// Values that were joined for WSGI stand alone again, each at its place.
bool ScopeFactory::readRepeated(const MessageReader &message)
{
    for (std::uint32_t i = 0; i < message.header().partCount; ++i) {
        PartView part{};
        if (!message.part(i, part)) {
            return false;
        }
        const PairView &pair = pairs_[part.pair];
        Ref name = part.name.empty() ? nameOf(pair) : bytesOf(part.name);
        if (!name) {
            return false;
        }
        // The first value ends before the separator of the first other one.
        const std::uint32_t first = fieldOf_[part.pair];
        const auto from = reinterpret_cast<std::uintptr_t>(pair.ownValue.data());
        const auto at = reinterpret_cast<std::uintptr_t>(part.value.data());
        if (first == UINT32_MAX || at < from + kSeparatorSize) {
            return false;
        }
        std::string_view &value = fields_[first].value;
        value = value.substr(0, std::min<std::size_t>(value.size(), at - from - kSeparatorSize));
        fields_.push_back({part.field, std::move(name), part.value});
    }
    std::sort(fields_.begin(), fields_.end(),
              [](const Field &a, const Field &b) { return a.place < b.place; });
    return true;
}

Ref ScopeFactory::nameOf(const PairView &pair)
{
    if (!pair.ownKey.empty() || !fieldNames_[pair.key]) {
        return bytesOf(pair.ownKey);
    }
    return Ref::borrow(fieldNames_[pair.key].get());
}

Ref ScopeFactory::headers()
{
    Ref list = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(fields_.size())));
    for (std::size_t i = 0; list && i < fields_.size(); ++i) {
        const Ref value = bytesOf(fields_[i].value);
        PyObject *field = value ? PyTuple_Pack(2, fields_[i].name.get(), value.get()) : nullptr;
        if (field == nullptr) {
            return {};
        }
        PyTuple_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), field);
    }
    fields_.clear();
    return list;
}

// The same for most requests.
const Ref &ScopeFactory::serverOf(std::string_view address, std::string_view port)
{
    if (!server_ || address != serverAddress_ || port != serverPort_) {
        server_ = endOf(address, port);
        serverAddress_ = address;
        serverPort_ = port;
    }
    return server_;
}

// What is as prepared stays.
bool ScopeFactory::fill(PyObject *scope, const Texts &texts, std::string_view prefix)
{
    const std::string_view method = texts[keyOf("REQUEST_METHOD")];
    const std::string_view protocol = texts[keyOf("SERVER_PROTOCOL")];
    const std::string_view scheme = texts[keyOf("wsgi.url_scheme")];
    const std::string_view query = texts[keyOf("QUERY_STRING")];
    return put(scope, kAsgi, Ref::steal(PyDict_Copy(version_.get()))) &&
           put(scope, kExtensions, Ref::steal(PyDict_New())) &&
           (method == kDefaultMethod || put(scope, kMethod, latin1(method))) &&
           (protocol.empty() ||
            put(scope, kHttpVersion, latin1(protocol.substr(protocol.find('/') + 1)))) &&
           (scheme.empty() || put(scope, kScheme, latin1(scheme))) &&
           (query.empty() || put(scope, kQueryString, bytesOf(query))) &&
           put(scope, kClient, endOf(texts[keyOf("REMOTE_ADDR")], texts[keyOf("REMOTE_PORT")])) &&
           put(scope, kServer,
               serverOf(texts[keyOf("SERVER_ADDR")], texts[keyOf("SERVER_PORT")])) &&
           setPath(scope, texts, prefix);
}

bool ScopeFactory::setPath(PyObject *scope, const Texts &texts, std::string_view prefix)
{
    const std::string_view path = texts[keyOf("PATH_INFO")];
    if (!prefix.empty() && isBelow(path, prefix) &&
        !put(scope, kRootPath,
             Ref::steal(PyUnicode_DecodeUTF8(prefix.data(), static_cast<Py_ssize_t>(prefix.size()),
                                             "replace")))) {
        return false;
    }
    return put(scope, kPath,
               Ref::steal(PyUnicode_DecodeUTF8(path.data(), static_cast<Py_ssize_t>(path.size()),
                                               "replace"))) &&
           put(scope, kRawPath, bytesOf(rawPath(texts[keyOf("REQUEST_URI")])));
}

} // namespace patchbay::python
