// [worker] See request_loop.hpp.
#include "worker/request_loop.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "ipc/reply_ring.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace patchbay::worker {

RequestLoop::RequestLoop(Intake &intake, const ipc::AppSegment &application,
                         const ipc::WorkerSegment &own, ReplyPort &port,
                         std::function<void()> ready)
    : intake_(intake), application_(application), own_(own), port_(port), ready_(std::move(ready)),
      wake_(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)), rung_(true),
      seatWaker_([this] { intake_.consumer().slumber(); }, [this] { ring(); }),
      eventWaker_([this] { ipc::wait(own_.layout(), waitFrom_); }, [this] { ring(); })
{
    face_.struct_size = sizeof face_;
    face_.context = this;
    face_.wake_fd = wake_.get();
    face_.capacity = kCapacity;
    face_.next = &next;
}

RequestLoop::~RequestLoop()
{
    for (Place *place : used_) {
        place->exchange.end(false);
    }
    // The last words of each must reach the router, or its slot is lost to the application.
    port_.waitUntil(
        [this] {
            sweep();
            return used_.empty();
        },
        [] { return false; });
    seatWaker_.stop([this] { intake_.consumer().getUp(); });
    eventWaker_.stop([this] { ipc::signalWorker(own_.layout()); });
    if (lying_) {
        intake_.consumer().rise();
    }
}

// First the descriptor, then the mark: whoever sees the mark can empty the descriptor.
void RequestLoop::ring() noexcept
{
    const std::uint64_t one = 1;
    [[maybe_unused]] ssize_t written = write(wake_.get(), &one, sizeof one);
    rung_.store(true, std::memory_order_seq_cst);
}

void RequestLoop::quietRing() noexcept
{
    if (rung_.exchange(false, std::memory_order_seq_cst)) {
        std::uint64_t count = 0;
        [[maybe_unused]] ssize_t size = read(wake_.get(), &count, sizeof count);
    }
}

void RequestLoop::next(void *context, pb_loop_event *event)
{
    auto &loop = *static_cast<RequestLoop *>(context);
    event->kind = PB_LOOP_NOTHING;
    event->exchange = nullptr;
    try {
        loop.find(*event);
    } catch (const std::exception &error) { // no memory; the next turn may have some
        log::alert("a request loop failed: %s", error.what());
        loop.ring();
    }
}

void RequestLoop::find(pb_loop_event &event)
{
    asleep_ = false;
    if (ready_) {
        std::exchange(ready_, nullptr)();
    }
    if (findNews(event) || findRequest(event)) {
        worked_ = true;
        return;
    }
    if (worked_) { // much comes and goes: look once more before anybody is bothered
        worked_ = false;
        if (!rung_.load(std::memory_order_seq_cst)) {
            ring();
        }
        return;
    }
    quietRing();
    asleep_ = sleep();
    if (!asleep_) {
        ring();
    }
}

// Says who sleeps, arms the wakers, looks a last time. false: there is something.
bool RequestLoop::sleep()
{
    const bool full = used_.size() >= kCapacity;
    if (!full && !stopTold_) {
        lying_ = intake_.consumer().lieDown();
        if (!lying_) {
            return false;
        }
        // Only a loop that has nothing else to do may look.
        if (used_.empty() && !seatWaker_.armed() && intake_.consumer().lookAgain()) {
            return false;
        }
        if (!seatWaker_.armed()) {
            seatWaker_.arm();
        }
    }
    const bool waiting = std::any_of(used_.begin(), used_.end(),
                                     [](Place *place) { return place->exchange.waits(); });
    if (!waiting) {
        return true;
    }
    if (!eventWaker_.armed()) { // one that is armed still waits from an earlier value
        waitFrom_ = ipc::beginWait(own_.layout());
        eventWaker_.arm();
    }
    lookAtWaiting();
    return news_.empty();
}

bool RequestLoop::findNews(pb_loop_event &event)
{
    if (news_.empty()) {
        lookAtWaiting();
    }
    while (!news_.empty()) {
        Place *place = news_.back();
        news_.pop_back();
        place->news = false;
        if (!place->exchange.gone() && !place->exchange.finished()) {
            event.kind = PB_LOOP_PROGRESS;
            event.exchange = &place->exchange.face();
            return true;
        }
    }
    return false;
}

// Only when the router, or another thread of ours, has said that something has changed.
void RequestLoop::lookAtWaiting()
{
    const std::uint32_t event = own_.layout().event.load(std::memory_order_seq_cst);
    if (event != seenEvent_ || port_.ended()) {
        seenEvent_ = event;
        for (Place *place : used_) {
            if (place->exchange.waits() && place->exchange.progress() && !place->news) {
                place->news = true;
                news_.push_back(place);
            }
        }
    }
    sweep();
}

// The runtime did something outside of next(). Who has begun to wait needs a waker, and who has
// ended makes room.
void RequestLoop::heard(const WorkerExchange &changed)
{
    finished_ += changed.finished() ? 1 : 0;
    if (asleep_ && (changed.waits() || used_.size() >= kCapacity)) {
        asleep_ = false;
        ring();
    }
}

// What is gone makes room.
void RequestLoop::sweep()
{
    if (finished_ == 0) {
        return;
    }
    finished_ = 0;
    std::erase_if(used_, [this](Place *place) {
        if (!place->exchange.gone()) {
            if (place->exchange.finished()) { // the router is behind with its ring
                finished_++;
                place->exchange.progress();
            }
            return false;
        }
        free_.push_back(place);
        return true;
    });
}

bool RequestLoop::findRequest(pb_loop_event &event)
{
    while (used_.size() < kCapacity && !stopTold_) {
        ipc::Ticket ticket = 0;
        const Intake::Result result = intake_.take(ticket);
        if (result == Intake::Result::empty) {
            return false;
        }
        if (lying_) {
            intake_.consumer().rise();
            lying_ = false;
        }
        if (result == Intake::Result::closed) {
            stopTold_ = true;
            event.kind = PB_LOOP_STOP;
            return true;
        }
        Place *place = newPlace();
        used_.push_back(place);
        if (place->exchange.begin(ticket)) {
            event.kind = PB_LOOP_REQUEST;
            event.exchange = &place->exchange.face();
            return true;
        }
    }
    return false;
}

RequestLoop::Place *RequestLoop::newPlace()
{
    used_.reserve(kCapacity);
    news_.reserve(kCapacity);
    if (free_.empty()) {
        places_.push_back(std::make_unique<Place>(*this));
        free_.reserve(places_.capacity());
        return places_.back().get();
    }
    Place *place = free_.back();
    free_.pop_back();
    return place;
}

} // namespace patchbay::worker
