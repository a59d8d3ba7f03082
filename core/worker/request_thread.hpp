// [worker] A request thread beside the main one, with a stack of the wanted size: std::thread has
// no way to ask for one. Made and joined by worker.cpp.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <functional>

namespace patchbay::worker {

class RequestThread {
public:
    // stackBytes 0: the system's. Throws SystemError.
    RequestThread(std::uint64_t stackBytes, std::function<void()> work);
    ~RequestThread(); // waits for its end
    RequestThread(const RequestThread &) = delete;
    RequestThread &operator=(const RequestThread &) = delete;

private:
    static void *run(void *self);

    std::function<void()> work_;
    pthread_t thread_{};
};

} // namespace patchbay::worker
