// A thread's inbox for rare work from other threads: reconfiguration, worker births and deaths.
// Requests never come this way (they use the rings).
#pragma once

#include "base/unique_fd.hpp"

#include <functional>
#include <mutex>
#include <vector>

namespace patchbay::engine {

class Mailbox {
public:
    using Task = std::function<void()>;

    Mailbox(); // throws SystemError
    // [any] Runs task on the owner's thread, in the order posted. Wakes the owner.
    void post(Task task);
    // [owner] Readable when there is work; for the owner's epoll or poll.
    int fd() const noexcept { return event_.get(); }
    // [owner] Runs what is there. Returns how many tasks ran. An exception that leaves a task
    // leaves this, too; the tasks behind it wait for the next call.
    std::size_t drain();

private:
    void putBack(std::vector<Task> tasks);

    UniqueFd event_;
    std::mutex mutex_;
    std::vector<Task> tasks_;
};

} // namespace patchbay::engine
