// [control] Changes wait their turn here: one runs at a time, in the order they came (A12).
#pragma once

#include <deque>
#include <functional>
#include <utility>

namespace patchbay::control {

class JobQueue {
public:
    using Job = std::function<void()>;

    void push(Job job) { jobs_.push_back(std::move(job)); }
    bool empty() const noexcept { return jobs_.empty(); }
    // Runs the oldest one, which may wait inside the loop while others are added.
    void runOne()
    {
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        job();
    }

private:
    std::deque<Job> jobs_;
};

} // namespace patchbay::control
