// Workers as processes, killed at random points and replaced, as the router lives with them:
// engine threads push, cancel and collect; a control thread kills, reaps, tells the engines and
// forks the successor onto the same seat. In the end each request has exactly one fate.
#include "ipc/reply_ring.hpp"
#include "ipc/request_queue.hpp"
#include "ipc/support.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <deque>
#include <mutex>
#include <vector>

namespace patchbay::ipc::test {
namespace {

constexpr std::uint32_t kEngines = 2;
constexpr std::uint32_t kWorkers = 5;
constexpr std::uint32_t kSlotsEach = 24;
constexpr int kKills = kThreadSanitizer ? 150 : 800;

void ring(int doorbell)
{
    std::uint64_t one = 1;
    [[maybe_unused]] ssize_t size = write(doorbell, &one, sizeof one);
}

struct Worker {
    std::uint32_t number = 0; // also its seat
    pid_t pid = -1;
    std::shared_ptr<WorkerSegment> segment;
};

// The forked side. Nothing here may allocate: the parent has threads.
class WorkerProcess {
public:
    WorkerProcess(AppSegmentLayout &app, WorkerSegmentLayout &mine, std::uint32_t number,
                  const int *doorbells)
        : app_(app), mine_(mine), number_(number), doorbells_(doorbells), consumer_(app, number)
    {
    }

    [[noreturn]] void run()
    {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            if (std::optional<Ticket> ticket = consumer_.take()) {
                serve(*ticket);
            } else {
                consumer_.sleep();
            }
        }
    }

private:
    void serve(Ticket ticket)
    {
        if (served_++ % 16 == number_) {
            timespec pause{0, 200'000}; // now and then a kill should meet us serving
            nanosleep(&pause, nullptr);
        }
        std::uint32_t engine = app_.slots[ticketSlot(ticket)].engine % kEngines;
        ReplyProducer replies(mine_.rings[engine]);
        ReplyEntry entry{ticket, 0, 0, 0, kReplyLast, 0};
        while (!replies.push(entry)) {
            std::uint32_t seen = beginWait(mine_);
            if (replies.push(entry)) {
                endWait(mine_);
                break;
            }
            wait(mine_, seen);
        }
        if (knock(app_.doors[engine], number_)) {
            ring(doorbells_[engine]);
        }
    }

    AppSegmentLayout &app_;
    WorkerSegmentLayout &mine_;
    std::uint32_t number_;
    const int *doorbells_;
    RequestConsumer consumer_;
    std::uint32_t served_ = 0;
};

class Engine {
public:
    Engine(std::uint32_t number, AppSegmentLayout &app, RequestProducer &producer, int doorbell)
        : number_(number), app_(app), producer_(producer), doorbell_(doorbell), random_(number + 50)
    {
    }

    void start()
    {
        thread_ = std::thread([this] { loop(); });
    }
    void join() { thread_.join(); }

    // [control] Runs on the engine's thread.
    void post(std::function<void()> task)
    {
        std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
        ring(doorbell_);
    }

    void attach(const Worker &worker)
    {
        views_[worker.number].emplace(
            View{worker.segment, ReplyConsumer(worker.segment->layout().rings[number_])});
    }

    // The worker is dead: what it had answered counts, what it had taken besides is lost with it.
    void gone(std::uint32_t number)
    {
        collect(number);
        for (Record &record : records_) {
            if (record.busy && producer_.takenBy(record.ticket) == number) {
                record = {};
                busy_--;
                died++;
            }
        }
        views_[number].reset();
    }

    void stopPushing() { pushing_ = false; }

    // Read after join().
    std::uint64_t pushed = 0, answered = 0, cancelled = 0, lateCancels = 0, died = 0;
    std::uint64_t sleeps = 0, errors = 0;
    bool hung = false;

private:
    struct Record {
        Ticket ticket = 0;
        bool busy = false;
    };
    struct View {
        std::shared_ptr<WorkerSegment> segment;
        ReplyConsumer replies;
    };

    void loop()
    {
        while (pushing_ || busy_ != 0) {
            runTasks();
            for (std::uint64_t dirty = takeDirty(door(), 0); dirty != 0; dirty &= dirty - 1) {
                collect(static_cast<std::uint32_t>(__builtin_ctzll(dirty)));
            }
            if (turn() == 0 && !sleep()) {
                hung = true;
                return;
            }
        }
    }

    EngineDoor &door() { return app_.doors[number_]; }

    void runTasks()
    {
        std::vector<std::function<void()>> tasks;
        {
            std::lock_guard lock(mutex_);
            tasks.swap(tasks_);
        }
        for (auto &task : tasks) {
            task();
        }
    }

    // Pushes into free slots and cancels a few. Returns the number of pushes.
    std::uint32_t turn()
    {
        std::uint32_t count = 0;
        for (std::uint32_t i = 0; i < kSlotsEach; i++) {
            Record &record = records_[i];
            if (!record.busy && pushing_ && random_.chance(60)) {
                std::uint32_t slot = number_ * kSlotsEach + i;
                app_.slots[slot].engine = number_;
                std::optional<Ticket> ticket = producer_.push(slot);
                if (ticket) {
                    record = {*ticket, true};
                    busy_++;
                    pushed++;
                    count++;
                }
            } else if (record.busy && random_.chance(5)) {
                if (producer_.cancel(record.ticket)) {
                    record = {};
                    busy_--;
                    cancelled++;
                } else {
                    lateCancels++; // the worker still answers, or dies
                }
            }
        }
        producer_.wake(count);
        return count;
    }

    // false: nothing came although requests are under way. With nothing under way, or no free
    // slot drawn this turn, there is no reason to sleep long.
    bool sleep()
    {
        if (!prepareSleep(door())) {
            return true;
        }
        sleeps++;
        pollfd item{doorbell_, POLLIN, 0};
        int timeout = busy_ == 0 ? 1 : static_cast<int>(kBound.count() * 1000);
        int ready = poll(&item, 1, timeout);
        endSleep(door());
        std::uint64_t count = 0;
        [[maybe_unused]] ssize_t size = read(doorbell_, &count, sizeof count);
        return ready > 0 || busy_ == 0;
    }

    void collect(std::uint32_t worker)
    {
        if (worker >= kWorkers || !views_[worker]) {
            return; // knocked, then died, and gone() collected already
        }
        ReplyEntry entry{};
        ReplyConsumer::Result result{};
        while ((result = views_[worker]->replies.pop(entry)) == ReplyConsumer::Result::entry) {
            std::uint32_t index = ticketSlot(entry.ticket) - number_ * kSlotsEach;
            if (index >= kSlotsEach || !records_[index].busy ||
                records_[index].ticket != entry.ticket ||
                producer_.takenBy(entry.ticket) != worker) {
                errors++; // twice, cancelled, or not its own
                continue;
            }
            records_[index] = {};
            busy_--;
            answered++;
        }
        errors += result == ReplyConsumer::Result::broken;
        signalWorker(views_[worker]->segment->layout());
    }

    std::uint32_t number_;
    AppSegmentLayout &app_;
    RequestProducer &producer_;
    int doorbell_;
    Random random_;
    std::array<Record, kSlotsEach> records_{};
    std::array<std::optional<View>, kWorkers> views_;
    std::uint32_t busy_ = 0;
    std::atomic<bool> pushing_{true};
    std::mutex mutex_;
    std::vector<std::function<void()>> tasks_;
    std::thread thread_;
};

// The control thread's part.
class Control {
public:
    Control() : app_(AppSegment::create()), producer_(app_.layout()), random_(4711)
    {
        for (std::uint32_t i = 0; i < kEngines; i++) {
            doorbells_[i] = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
            doorbellFds_[i] = doorbells_[i].get();
            engines_.emplace_back(i, app_.layout(), producer_, doorbellFds_[i]);
        }
    }
    Control(const Control &) = delete;
    Control &operator=(const Control &) = delete;
    ~Control()
    {
        for (Worker &worker : workers_) {
            if (worker.pid > 0) {
                kill(worker.pid, SIGKILL);
                waitpid(worker.pid, nullptr, 0);
            }
        }
    }

    void run()
    {
        for (std::uint32_t i = 0; i < kWorkers; i++) {
            workers_[i].number = i;
            startWorker(workers_[i]);
        }
        started_ = true;
        for (Engine &engine : engines_) {
            engine.start();
        }
        for (int i = 0; i < kKills; i++) {
            timespec pause{0, static_cast<long>(random_.below(2'000'000))};
            nanosleep(&pause, nullptr);
            // Sometimes all at once: then nobody is left to take what is queued.
            std::uint32_t count = random_.chance(5) ? kWorkers : 1;
            std::uint32_t first = random_.below(kWorkers);
            for (std::uint32_t k = 0; k < count; k++) {
                kill(workers_[(first + k) % kWorkers].pid, SIGKILL);
            }
            for (std::uint32_t k = 0; k < count; k++) {
                replace(workers_[(first + k) % kWorkers]);
            }
        }
        for (Engine &engine : engines_) {
            engine.stopPushing();
        }
        for (Engine &engine : engines_) {
            engine.join();
        }
        check();
    }

private:
    void startWorker(Worker &worker)
    {
        worker.segment = std::make_shared<WorkerSegment>(WorkerSegment::create(1));
        tellEngines([&worker](Engine &engine) { engine.attach(worker); });
        worker.pid = fork();
        if (worker.pid == 0) {
            WorkerProcess(app_.layout(), worker.segment->layout(), worker.number,
                          doorbellFds_.data())
                .run();
        }
        CPPUNIT_ASSERT(worker.pid > 0);
    }

    void replace(Worker &worker)
    {
        CPPUNIT_ASSERT_EQUAL(worker.pid, waitpid(worker.pid, nullptr, 0));
        worker.pid = -1;
        tellEngines([&worker](Engine &engine) { engine.gone(worker.number); });
        producer_.forgetSeats(worker.number, 1);
        startWorker(worker);
    }

    // Every engine has done it when this returns; before they run, it is done here.
    template <typename Task>
    void tellEngines(Task task)
    {
        std::atomic<std::uint32_t> done{0};
        for (Engine &engine : engines_) {
            if (!started_) {
                task(engine);
                continue;
            }
            engine.post([&] {
                task(engine);
                done++;
            });
        }
        if (started_ && !eventually([&done] { return done == kEngines; })) {
            std::abort(); // an engine hangs; it cannot be joined
        }
    }

    void check()
    {
        std::uint64_t died = 0;
        std::uint64_t answered = 0;
        for (Engine &engine : engines_) {
            CPPUNIT_ASSERT(!engine.hung);
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, engine.errors);
            CPPUNIT_ASSERT_EQUAL(engine.pushed, engine.answered + engine.cancelled + engine.died);
            CPPUNIT_ASSERT(engine.cancelled > 0);
            CPPUNIT_ASSERT(engine.sleeps > 0);
            died += engine.died;
            answered += engine.answered;
        }
        CPPUNIT_ASSERT(died > 0);
        CPPUNIT_ASSERT(answered > died);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, producer_.backlog());
        // All that is left to do for the workers is to sleep.
        CPPUNIT_ASSERT(eventually(
            [this] { return app_.layout().idle[0] == (std::uint64_t{1} << kWorkers) - 1; }));
    }

    AppSegment app_;
    RequestProducer producer_;
    Random random_;
    std::array<UniqueFd, kEngines> doorbells_;
    std::array<int, kEngines> doorbellFds_{};
    std::deque<Engine> engines_;
    std::array<Worker, kWorkers> workers_;
    bool started_ = false; // the engines' threads run
};

} // namespace

class ProcessStressTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ProcessStressTest);
    CPPUNIT_TEST(workersAreKilledAtRandom);
    CPPUNIT_TEST_SUITE_END();

public:
    void workersAreKilledAtRandom() { Control().run(); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ProcessStressTest);

} // namespace patchbay::ipc::test
