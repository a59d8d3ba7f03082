// [control] Changes wait their turn here: one runs at a time, in the order they came (A12).
#pragma once

#include <deque>
#include <functional>
#include <utility>

namespace patchbay::control {

class JobQueue {
public:
    using Job = std::function<void()>;

    // Dropped when it is closed.
    void push(Job job)
    {
        if (!closed_) {
            jobs_.push_back(std::move(job));
        }
    }
    // At the end: no other job will run.
    void close()
    {
        closed_ = true;
        jobs_.clear();
    }
    bool closed() const noexcept { return closed_; }
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
    bool closed_ = false;
};

} // namespace patchbay::control
