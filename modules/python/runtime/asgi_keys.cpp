// Worker process. Made once by asgi.cpp.
#include "asgi_keys.hpp"

#include <stdexcept>

namespace patchbay::python {

AsgiKeys::AsgiKeys()
    : type(Ref::steal(PyUnicode_InternFromString("type"))),
      status(Ref::steal(PyUnicode_InternFromString("status"))),
      headers(Ref::steal(PyUnicode_InternFromString("headers"))),
      body(Ref::steal(PyUnicode_InternFromString("body"))),
      moreBody(Ref::steal(PyUnicode_InternFromString("more_body"))),
      responseStart(Ref::steal(PyUnicode_InternFromString("http.response.start"))),
      responseBody(Ref::steal(PyUnicode_InternFromString("http.response.body"))),
      lastRequest(Ref::steal(Py_BuildValue("{s:s,s:y,s:O}", "type", "http.request", "body", "",
                                           "more_body", Py_False))),
      disconnect(Ref::steal(Py_BuildValue("{s:s}", "type", "http.disconnect")))
{
    if (PyErr_Occurred() != nullptr) {
        throw std::runtime_error("Python has no memory for ASGI's names: " + describeException());
    }
}

} // namespace patchbay::python
