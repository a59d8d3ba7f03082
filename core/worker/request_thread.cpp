// [worker] See request_thread.hpp.
#include "worker/request_thread.hpp"

#include "base/error.hpp"

#include <utility>

namespace patchbay::worker {

RequestThread::RequestThread(std::uint64_t stackBytes, std::function<void()> work)
    : work_(std::move(work))
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    int fault = 0;
    if (stackBytes != 0) {
        fault = pthread_attr_setstacksize(&attributes, stackBytes);
    }
    if (fault == 0) {
        fault = pthread_create(&thread_, &attributes, &run, this);
    }
    pthread_attr_destroy(&attributes);
    if (fault != 0) {
        errno = fault;
        throw SystemError(
            "pthread_create() of a thread with " +
            (stackBytes == 0 ? "the system's" : std::to_string(stackBytes) + " bytes of") +
            " stack");
    }
}

RequestThread::~RequestThread()
{
    pthread_join(thread_, nullptr);
}

void *RequestThread::run(void *self)
{
    static_cast<RequestThread *>(self)->work_();
    return nullptr;
}

} // namespace patchbay::worker
