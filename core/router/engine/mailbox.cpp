#include "router/engine/mailbox.hpp"

#include "base/error.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <iterator>

namespace patchbay::engine {

Mailbox::Mailbox() : event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))
{
    if (!event_) {
        throw SystemError("eventfd()");
    }
}

void Mailbox::post(Task task)
{
    bool first = false;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        first = tasks_.empty();
        tasks_.push_back(std::move(task));
    }
    if (first) { // otherwise the owner has been woken and has not looked yet
        const std::uint64_t one = 1;
        [[maybe_unused]] ssize_t written = ::write(event_.get(), &one, sizeof one);
    }
}

std::size_t Mailbox::drain()
{
    std::uint64_t count = 0;
    [[maybe_unused]] ssize_t got = ::read(event_.get(), &count, sizeof count);
    std::vector<Task> tasks;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        tasks.swap(tasks_);
    }
    std::size_t next = 0;
    try {
        while (next < tasks.size()) {
            tasks[next++]();
        }
    } catch (...) {
        putBack({std::make_move_iterator(tasks.begin() + static_cast<std::ptrdiff_t>(next)),
                 std::make_move_iterator(tasks.end())});
        throw;
    }
    return tasks.size();
}

// Before what has been posted meanwhile.
void Mailbox::putBack(std::vector<Task> tasks)
{
    {
        std::lock_guard<std::mutex> lock(mutex_);
        tasks.insert(tasks.end(), std::make_move_iterator(tasks_.begin()),
                     std::make_move_iterator(tasks_.end()));
        tasks_ = std::move(tasks);
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(event_.get(), &one, sizeof one);
}

} // namespace patchbay::engine
