// patchbay-module: see scripted_loop.hpp.
#include "scripted_loop.hpp"

#include "base/error.hpp"

#include <sys/eventfd.h>

#include <cerrno>

namespace patchbay::check {

ScriptedLoop::ScriptedLoop(std::vector<std::unique_ptr<ScriptedExchange>> exchanges)
    : exchanges_(std::move(exchanges)), wake_(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC))
{
    if (!wake_) {
        throw SystemError("eventfd()");
    }
    face_.struct_size = sizeof face_;
    face_.context = this;
    face_.wake_fd = wake_.get();
    face_.capacity = static_cast<std::uint32_t>(exchanges_.size());
    face_.next = &next;
}

void ScriptedLoop::next(void *context, pb_loop_event *event)
{
    event->exchange = nullptr;
    static_cast<ScriptedLoop *>(context)->tell(*event);
}

void ScriptedLoop::tell(pb_loop_event &event)
{
    if (next_ < exchanges_.size()) {
        event.kind = PB_LOOP_REQUEST;
        event.exchange = &exchanges_[next_++]->face();
        return;
    }
    for (; turn_ < exchanges_.size(); turn_++) {
        if (!exchanges_[turn_]->finished() && exchanges_[turn_]->takeWaiting()) {
            event.kind = PB_LOOP_PROGRESS;
            event.exchange = &exchanges_[turn_++]->face();
            return;
        }
    }
    turn_ = 0;
    over_ = true;
    for (const auto &exchange : exchanges_) {
        over_ = over_ && exchange->finished();
    }
    event.kind = over_ ? PB_LOOP_STOP : PB_LOOP_NOTHING;
}

} // namespace patchbay::check
