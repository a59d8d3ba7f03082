// Process "worker", main thread and request threads. Before: prototype.cpp has forked. A request's
// way through here: take a ticket (house step 9), worker_exchange.cpp, the runtime module's
// serve().
#include "worker/worker.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/process_title.hpp"
#include "ipc/protocol.hpp"
#include "ipc/shared_segment.hpp"
#include "module/host.hpp"
#include "worker/intake.hpp"
#include "worker/output_files.hpp"
#include "worker/process_setup.hpp"
#include "worker/reply_port.hpp"
#include "worker/request_loop.hpp"
#include "worker/request_thread.hpp"
#include "worker/router_watch.hpp"
#include "worker/worker_exchange.hpp"

#include <fcntl.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

namespace patchbay::worker {
namespace {

using ipc::MessageType;

class Worker {
public:
    explicit Worker(WorkerOptions options) : options_(std::move(options)) {}
    int run();

private:
    bool isProgram() const noexcept { return options_.runtime->runtime().become != nullptr; }
    void become();
    bool attach();
    void takeSegments(ipc::Frame &frame);
    void watchRouter();
    bool bringUp();
    bool serveAll();
    void runThread(std::size_t number) noexcept;
    void serve(Intake &intake, void *thread);
    int loop(std::size_t number, Intake &intake, void *thread);
    void ready(bool many) noexcept;
    void cannotGoOn(const char *text) noexcept;
    bool call(const pb_exchange &exchange, void *thread) noexcept;
    void stopTaking() noexcept;
    void startFailed(const std::string &text) noexcept;

    static void onQuitSignal(int);
    static void afterForkInChild();

    // The one of this process: for the signal handler and for children of the application.
    static inline Worker *current = nullptr;

    WorkerOptions options_;
    DoorbellTable doorbells_;
    std::optional<ipc::AppSegment> application_;
    std::optional<ipc::WorkerSegment> own_;
    std::optional<ReplyPort> port_;
    std::vector<std::unique_ptr<ipc::RequestConsumer>> consumers_; // one per request thread
    IntakeGate gate_;
    std::mutex loopsLock_;                            // stopTaking() is on the watcher's thread
    std::vector<std::unique_ptr<RequestLoop>> loops_; // by request thread; null: it serves
    std::atomic<std::size_t> notReady_{0};            // request threads that have not said so yet
    std::atomic<bool> wasReady_{false};               // the router knows
    std::atomic<bool> failed_{false};                 // the runtime gave up
    std::optional<RouterWatch> watch_;                // last: its thread uses all of the above
};

// false: the router went away, or made no sense.
bool Worker::attach()
{
    ipc::Frame frame;
    for (;;) {
        options_.router.waitReadable(std::chrono::milliseconds(-1));
        switch (options_.router.receive(frame)) {
        case ipc::Channel::Status::wouldBlock:
            continue;
        case ipc::Channel::Status::closed:
            return false;
        case ipc::Channel::Status::ok:
            takeSegments(frame);
            return true;
        }
    }
}

void Worker::takeSegments(ipc::Frame &frame)
{
    if (frame.type != MessageType::attach || frame.fds.size() != 2) {
        throw Error("the first message of the router is not what it should be");
    }
    ipc::WireReader reader(frame.payload);
    std::uint32_t number = reader.u32();
    std::uint32_t seat = reader.u32();
    std::uint32_t threads = reader.u32();
    gate_.open(reader.u32(), [this] {
        stopTaking();
        sendPatiently(options_.router, MessageType::workerSpent, {});
    });
    if (number >= ipc::kMaxWorkers || threads == 0 || threads > ipc::kMaxSeats ||
        seat > ipc::kMaxSeats - threads) {
        throw Error("the router gave a number or seats that cannot be");
    }
    application_ = ipc::AppSegment::open(std::move(frame.fds[0]));
    own_ = ipc::WorkerSegment::open(std::move(frame.fds[1]));
    port_.emplace(*application_, *own_, doorbells_, number);
    for (std::uint32_t i = 0; i < threads; i++) {
        consumers_.push_back(
            std::make_unique<ipc::RequestConsumer>(application_->layout(), seat + i));
    }
    loops_.resize(threads);
    notReady_ = threads;
}

void Worker::stopTaking() noexcept
{
    gate_.close();
    for (const auto &consumer : consumers_) {
        consumer->getUp();
    }
    std::lock_guard lock(loopsLock_);
    for (const auto &loop : loops_) {
        if (loop) {
            loop->ring();
        }
    }
}

void Worker::watchRouter()
{
    RouterWatch::Events events;
    events.stop = [this] { stopTaking(); };
    events.end = [this] { port_->end(); };
    events.reopenFiles = [this] { reopenOutput(*options_.start); };
    watch_.emplace(options_.router, doorbells_, std::move(events));
    current = this;
    pthread_atfork(nullptr, nullptr, &afterForkInChild);
    watch_->start();
    handleSignal(SIGQUIT, &onQuitSignal);
}

// Finish the requests being served, then go (daemon.md 4).
void Worker::onQuitSignal(int)
{
    int saved = errno;
    if (current != nullptr) {
        current->watch_->askQuit();
    }
    errno = saved;
}

// The application forked: its child is no worker. It has none of our threads, and the segments are
// not mapped there; what is left are descriptors and signal handlers.
void Worker::afterForkInChild()
{
    if (current != nullptr) {
        restoreSignals();
        if (signalHandler(SIGQUIT) == &onQuitSignal) {
            handleSignal(SIGQUIT, SIG_DFL);
        }
        current->doorbells_.closeAll();
        current->watch_->closeInChild();
        for (const auto &loop : current->loops_) {
            if (loop) {
                loop->closeInChild();
            }
        }
        current = nullptr;
    }
}

void Worker::startFailed(const std::string &text) noexcept
{
    sendPatiently(options_.router, MessageType::workerFailed,
                  ipc::WireWriter().str(std::string_view(text).substr(0, 32 * 1024)).bytes());
}

bool Worker::bringUp()
{
    pb_error error{};
    error.struct_size = sizeof error;
    int result = PB_ERROR;
    try {
        result = options_.runtime->runtime().start(
            options_.runtime->object(), static_cast<std::uint32_t>(consumers_.size()), &error);
    } catch (...) {
        std::strcpy(error.text, "start() of the runtime module threw");
    }
    if (result != PB_OK) {
        error.text[sizeof error.text - 1] = '\0';
        startFailed(error.text[0] != '\0' ? error.text : "The application failed to start.");
        return false;
    }
    return true;
}

bool Worker::call(const pb_exchange &exchange, void *thread) noexcept
{
    try {
        const pb_runtime_ops &ops = options_.runtime->runtime();
        return ops.serve(options_.runtime->object(), thread, &exchange) == PB_OK;
    } catch (...) {
        log::alert("#%llu: serve() of the runtime module threw",
                   static_cast<unsigned long long>(exchange.id));
        return false;
    }
}

// Requests one after the other.
void Worker::serve(Intake &intake, void *thread)
{
    WorkerExchange exchange(*application_, *port_);
    ready(false);
    for (;;) {
        ipc::Ticket ticket = 0;
        switch (intake.take(ticket)) {
        case Intake::Result::closed:
            return;
        case Intake::Result::empty:
            intake.consumer().sleep();
            continue;
        case Intake::Result::ticket:
            if (exchange.begin(ticket)) {
                exchange.end(call(exchange.face(), thread));
            }
        }
    }
}

// Many requests at a time, if the runtime can do that. Returns what loop() does.
int Worker::loop(std::size_t number, Intake &intake, void *thread)
{
    const pb_runtime_ops &ops = options_.runtime->runtime();
    if (ops.loop == nullptr) {
        return PB_SERVE;
    }
    RequestLoop *loop = nullptr;
    {
        auto made = std::make_unique<RequestLoop>(intake, *application_, *own_, *port_,
                                                  [this] { ready(true); });
        std::lock_guard lock(loopsLock_);
        loops_[number] = std::move(made);
        loop = loops_[number].get();
    }
    pb_error error{};
    error.struct_size = sizeof error;
    const int result = ops.loop(options_.runtime->object(), thread, &loop->face(), &error);
    std::unique_ptr<RequestLoop> ended;
    {
        std::lock_guard lock(loopsLock_);
        ended = std::move(loops_[number]);
    }
    ended.reset();
    if (result != PB_OK && result != PB_SERVE) {
        error.text[sizeof error.text - 1] = '\0';
        cannotGoOn(error.text[0] != '\0' ? error.text : "The application failed to start.");
    }
    return result;
}

// One request thread: the main one (0) or another.
void Worker::runThread(std::size_t number) noexcept
{
    const pb_runtime_ops &ops = options_.runtime->runtime();
    void *self = options_.runtime->object();
    void *thread = ops.thread_enter(self);
    Intake intake(gate_, *consumers_[number]);
    try {
        if (loop(number, intake, thread) == PB_SERVE) {
            serve(intake, thread);
        }
    } catch (const std::exception &error) {
        cannotGoOn(error.what());
    }
    consumers_[number]->leave();
    ops.thread_leave(self, thread);
}

// Said by each request thread; the last one speaks for all. many: of the protocol, see message.hpp.
void Worker::ready(bool many) noexcept
{
    if (notReady_.fetch_sub(1) != 1 || gate_.closed()) {
        return;
    }
    wasReady_ = true;
    std::string payload;
    if (many) {
        payload = ipc::WireWriter()
                      .u32(ipc::kProtocolMajor)
                      .u32(ipc::kProtocolMinor)
                      .u32(1)
                      .str("")
                      .bytes();
    }
    sendPatiently(options_.router, MessageType::workerReady, payload);
}

// All threads of the worker end with the one that fails.
void Worker::cannotGoOn(const char *text) noexcept
{
    if (!failed_.exchange(true)) {
        if (wasReady_) {
            log::alert("%s", text);
        } else {
            startFailed(text);
        }
    }
    stopTaking();
}

// Until it is told to stop. false: it never got ready, or could not go on.
bool Worker::serveAll()
{
    std::vector<std::unique_ptr<RequestThread>> others;
    try {
        // Signals go to the main thread: languages run their handlers there.
        BlockedSignals blocked;
        for (std::size_t i = 1; i < consumers_.size(); i++) {
            others.push_back(std::make_unique<RequestThread>(options_.start->threadStackBytes,
                                                             [this, i] { runThread(i); }));
        }
    } catch (const std::exception &error) {
        cannotGoOn((std::string("A request thread cannot be started: ") + error.what()).c_str());
    }
    runThread(0);
    others.clear(); // waits for them
    return !failed_;
}

// The channel is all it inherits; the rest is between it and the router (sdk/PROTOCOL.md).
void Worker::become()
{
    const int fd = options_.router.fd();
    const std::string init = std::to_string(ipc::kProtocolMajor) + "." +
                             std::to_string(ipc::kProtocolMinor) + ";" + std::to_string(fd) + ";" +
                             modules::host().software;
    setenv("PATCHBAY_INIT", init.c_str(), 1);
    tellOutput(*options_.start);
    fcntl(fd, F_SETFD, 0);
    fcntl(fd, F_SETFL, 0); // its library may read and wait as it likes
    resetSignals();
    pb_error error{};
    error.struct_size = sizeof error;
    try {
        options_.runtime->runtime().become(options_.runtime->object(), &error);
    } catch (...) {
        std::strcpy(error.text, "become() of the runtime module threw");
    }
    error.text[sizeof error.text - 1] = '\0';
    startFailed(error.text[0] != '\0' ? error.text : "The program could not be executed.");
}

int Worker::run()
{
    if (isProgram()) {
        become();
        return 1;
    }
    if (!attach()) {
        return 0;
    }
    watchRouter();
    bool up = bringUp();
    if (up) {
        up = serveAll();
        options_.runtime->runtime().stop(options_.runtime->object());
    }
    options_.runtime.reset();
    current = nullptr;
    return up ? 0 : 1;
}

} // namespace

int runWorker(WorkerOptions options) noexcept
{
    try {
        setProcessTitle(std::string(product().program) + ": \"" + options.start->name +
                        "\" application");
        return Worker(std::move(options)).run();
    } catch (const std::exception &error) {
        log::alert("a worker failed: %s", error.what());
        return 1;
    }
}

} // namespace patchbay::worker
