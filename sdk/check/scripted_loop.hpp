// patchbay-module, child process: the core's half of loop(), a request thread with many requests.
#pragma once

#include "script.hpp"

#include "base/unique_fd.hpp"

#include <memory>
#include <vector>

namespace patchbay::check {

// Begins the exchanges, which are in a loop, in their order; says of those that are not finished
// that something may have happened, and that nothing has, in turn; and PB_LOOP_STOP when all are.
class ScriptedLoop {
public:
    explicit ScriptedLoop(std::vector<std::unique_ptr<ScriptedExchange>> exchanges);
    ScriptedLoop(const ScriptedLoop &) = delete;
    ScriptedLoop &operator=(const ScriptedLoop &) = delete;

    const pb_loop &face() const noexcept { return face_; }
    bool begun() const noexcept { return next_ != 0; } // was any event asked for?
    bool over() const noexcept { return over_; }       // PB_LOOP_STOP was said

private:
    static void next(void *context, pb_loop_event *event);
    void tell(pb_loop_event &event);

    std::vector<std::unique_ptr<ScriptedExchange>> exchanges_;
    std::size_t next_ = 0; // of the exchanges, to begin
    std::size_t turn_ = 0; // of the exchanges, to be told of
    bool over_ = false;
    UniqueFd wake_; // always readable
    pb_loop face_{};
};

} // namespace patchbay::check
