// An application as one engine sees it: the exchanges it has there, the workers whose rings it
// reads, the queue of what could not be handed over yet. Process router, [engine].
#pragma once

#include "ipc/reply_ring.hpp"
#include "router/app/application.hpp"
#include "router/app/exchange.hpp"
#include "router/engine/engine.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace patchbay::app {

class AppLink;

// What an engine has counted for an application and not told yet.
struct Tally {
    std::uint32_t requests = 0, refusedFull = 0, refusedLate = 0, unavailable = 0, unsendable = 0,
                  workerDied = 0, timedOut = 0, badReply = 0, clientGone = 0, taken = 0;
    std::uint64_t waitMicroseconds = 0;
};

// One worker as one engine sees it. Counted by the link while attached and by each ReplyRun; a
// plain integer, all on one thread.
struct WorkerLink {
    WorkerLink(AppLink &owner, std::shared_ptr<WorkerView> workerView, std::uint32_t engineNumber)
        : link(owner), view(std::move(workerView)),
          replies(view->segment.layout().rings[engineNumber])
    {
    }
    void drop() noexcept
    {
        if (--references == 0) {
            delete this;
        }
    }
    bool hasSeat(std::uint32_t seat) const noexcept
    {
        return seat >= view->firstSeat && seat - view->firstSeat < view->seats;
    }

    AppLink &link;
    std::shared_ptr<WorkerView> view;
    ipc::ReplyConsumer replies;
    std::uint32_t references = 1;
    bool toSignal = false;   // at the end of the turn; counted in references
    bool again = false;      // look into its ring though nobody knocked
    bool broken = false;     // its ring makes no sense; not read any more
    bool complained = false; // one log line per worker about bad entries
};

class AppLink final : public engine::EventHandler, private engine::Timer {
public:
    static constexpr std::size_t kMaxWaiting = 4096;
    // While exchanges wait, how often to see whether another engine has freed something.
    static constexpr std::chrono::milliseconds kRetry{16};
    // While anything is alive, how often to look who has waited for too long. Limits shorter than
    // a few of these are looked at more often.
    static constexpr std::chrono::milliseconds kLook{250};

    AppLink(engine::Engine &engine, std::uint32_t engineNumber,
            std::shared_ptr<Application> application, std::vector<AppLink *> &busy,
            std::vector<WorkerLink *> &toSignal);
    ~AppLink();
    AppLink(const AppLink &) = delete;
    AppLink &operator=(const AppLink &) = delete;

    Application &application() const noexcept { return *application_; }
    std::uint32_t engineNumber() const noexcept { return engineNumber_; }

    void attach(std::shared_ptr<WorkerView> worker);
    // Its last answers are delivered, what it had taken fails (S49), it is forgotten.
    void workerGone(const WorkerView &worker);
    // No worker runs or starts: everything that waits fails (S43).
    void down();
    // The engine ends: slots that a worker still has become orphans.
    void orphanAll() noexcept;

    // The application has got its workspace; asks for events of this engine's doorbell. Until then
    // requests wait here, and [control] is asked for it. False with errno: no events.
    bool open(Workspace &workspace, int doorbell) noexcept;
    void stopListening() noexcept;

    // Parts of the end of a loop turn: first collect() for all links, then settle() for all.
    void collect();
    void settle();
    // False: there is work, do not sleep.
    bool prepareSleep() noexcept;
    bool hasArrived() const noexcept { return workspace_ != nullptr && ipc::isDirty(door()); }
    void endSleep() noexcept;
    // Nothing to do at the end of the next turn: true, and it leaves the busy ones.
    bool leaveIfIdle() noexcept
    {
        inBusy_ = live_ != 0 || pushed_ != 0;
        return !inBusy_;
    }
    std::uint32_t records() const noexcept { return records_; }

    // Used by Exchange, dispatch and collect.
    std::optional<Failure> submit(Exchange &exchange) noexcept;
    void withdraw(Exchange &exchange) noexcept;
    // The asker is done with a run of this reply; its worker may send more.
    void noteConsumed(ipc::Ticket ticket, std::uint32_t units, bool counted) noexcept;
    Workspace &workspace() const noexcept { return *workspace_; } // of whoever has a record
    // A slot of ours with its memory; null when there is none.
    SlotRecord *takeRecord(std::uint32_t units, std::uint32_t &slot) noexcept;
    void freeRecord(std::uint32_t slot) noexcept;
    // A worker has it: the slot waits for the worker to finish.
    void makeZombie(Exchange &exchange) noexcept;
    // To the worker that has it.
    void tellEnd(const Exchange &exchange, ipc::SlotEnd end) noexcept;
    bool owns(const SlotRecord &record) const noexcept;
    WorkerLink *worker(std::uint32_t number) const noexcept
    {
        return number < workers_.size() ? workers_[number] : nullptr;
    }
    void waitForInbox(Exchange &exchange) noexcept;
    // There is something new for this worker: it hears so at the end of the turn, once.
    void signalLater(WorkerLink &worker)
    {
        if (!std::exchange(worker.toSignal, true)) {
            worker.references++;
            toSignal_.push_back(&worker);
        }
    }
    void countAnswer() noexcept { answers_++; }
    void notePushed() noexcept { pushed_++; }
    engine::List<Exchange, PausedTag> &paused() noexcept { return paused_; }
    // A worker says that it took the request then; untrusted.
    void noteTaken(const Exchange &exchange, std::uint64_t takenAt) noexcept;
    // The application has said something about it.
    void noteSign(Exchange &exchange) const noexcept { exchange.heard_ = engine_.now(); }
    void failTakenBy(const WorkerLink &worker, Cause cause);
    void fail(Exchange &exchange, Cause cause); // tells the sink; the slot is settled already

private:
    // The second timer: the one that looks for what takes too long.
    class Lookout final : public engine::Timer {
    public:
        explicit Lookout(AppLink &link) noexcept : link_(link) {}

    private:
        void onTimer() override { link_.lookOut(); }
        AppLink &link_;
    };

    void onEvents(std::uint32_t) override {} // it rang; the end of the turn collects
    void onTimer() override;
    void lookOut();
    void lookAt(std::uint32_t slot);
    void expire(Exchange &exchange);
    bool queueIsFull() const noexcept;

    void grow() noexcept;
    bool inherit(SlotRecord &record, std::uint32_t formerOwner) noexcept;
    void disown(SlotRecord &record, std::uint32_t formerOwner) noexcept;
    void pump();
    void pumpInboxes();
    Failure count(Cause cause) noexcept;
    void publish() noexcept;
    void checkInvariants() noexcept;
    WorkerLink *workerOfSeat(std::uint32_t seat) const noexcept;
    ipc::EngineDoor &door() const noexcept
    {
        return workspace_->segment().layout().doors[engineNumber_];
    }

    engine::Engine &engine_;
    std::uint32_t engineNumber_;
    std::shared_ptr<Application> application_;
    Workspace *workspace_ = nullptr;      // the application's, once it is open
    std::vector<AppLink *> &busy_;        // the engine's; links with something alive
    std::vector<WorkerLink *> &toSignal_; // the engine's
    Lookout lookout_{*this};
    std::chrono::milliseconds lookEvery_;
    bool inBusy_ = false;
    bool retry_ = false;                // something was freed: the queue may move
    int doorbell_ = -1;                 // the application's
    std::vector<WorkerLink *> workers_; // by number
    bool again_ = false;                // a worker has `again`
    engine::List<Exchange, WaitingTag> waiting_;
    engine::List<Exchange, WaitingTag> inboxWaiting_; // want a body window, no memory for it yet
    engine::List<Exchange, PausedTag> paused_;        // got bytes in this collect(), not told of it
    std::size_t waitingCount_ = 0;
    std::uint32_t live_ = 0;    // waiting exchanges + records
    std::uint32_t records_ = 0; // slots of ours, zombies included
    std::uint32_t zombies_ = 0;
    std::uint32_t pushed_ = 0; // since the last wake-up
    std::uint32_t memoryHint_;
    std::uint32_t turns_ = 0;
    // Not yet added to the application's counters.
    std::uint32_t published_ = 0; // of live_
    std::uint32_t answers_ = 0;
    Tally tally_;
};

} // namespace patchbay::app
