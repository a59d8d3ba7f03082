// [worker] What receive() and send() of an ASGI application return: a coroutine without a frame. It
// has its result already, or waits for a future of the event loop's. GIL held for all.
#pragma once

#include "python.hpp"

namespace patchbay::python {

// A type whose objects are coroutines for collections.abc, and so for asyncio; methods has send,
// throw and close. Throws std::runtime_error.
struct CoroutineFunctions {
    destructor deallocate;
    traverseproc traverse;
    inquiry clear;
    sendfunc step;
    iternextfunc iterate;
    PyMethodDef *methods;
};
Ref makeCoroutineType(const char *name, std::size_t size, const CoroutineFunctions &functions);

class AwaitableType {
public:
    AwaitableType(); // throws std::runtime_error

    // Ends at once with this value. Empty, exception set: no memory.
    Ref ready(Ref value) const;
    // Ends as the future does.
    Ref waiting(const Ref &future) const;

private:
    Ref make(Ref value, Ref iterator) const;

    Ref type_;
    Ref none_; // ends with None; for all
};

} // namespace patchbay::python
