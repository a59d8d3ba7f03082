// Process "worker", main thread and request threads. Before: prototype.cpp has forked. A request's
// way through here: take a ticket (house step 9), worker_exchange.cpp, the runtime module's
// serve().
#include "worker/worker.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/process_title.hpp"
#include "ipc/protocol.hpp"
#include "ipc/request_queue.hpp"
#include "ipc/shared_segment.hpp"
#include "module/host.hpp"
#include "worker/output_files.hpp"
#include "worker/process_setup.hpp"
#include "worker/reply_port.hpp"
#include "worker/request_thread.hpp"
#include "worker/router_watch.hpp"
#include "worker/worker_exchange.hpp"

#include <fcntl.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <memory>
#include <vector>

namespace patchbay::worker {
namespace {

using ipc::MessageType;

// One more request may be taken; `last`: after it no other.
class Permit {
public:
    Permit(std::atomic<std::uint32_t> &left, std::uint32_t limit) noexcept
        : left_(left), limited_(limit != 0)
    {
    }
    // False: there is none. One that was not used is still there.
    bool get() noexcept
    {
        if (!limited_ || held_) {
            return true;
        }
        std::uint32_t left = left_.load(std::memory_order_relaxed);
        while (left != 0 && !left_.compare_exchange_weak(left, left - 1)) {
        }
        held_ = left != 0;
        last_ = left == 1;
        return held_;
    }
    // A request was taken. True: it was the last.
    bool use() noexcept
    {
        held_ = false;
        return limited_ && last_;
    }

private:
    std::atomic<std::uint32_t> &left_;
    bool limited_;
    bool held_ = false;
    bool last_ = false;
};

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
    void serve(ipc::RequestConsumer &consumer) noexcept;
    void spent() noexcept;
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
    std::atomic<bool> stopping_{false};
    std::uint32_t requestLimit_ = 0;        // 0: none
    std::atomic<std::uint32_t> permits_{0}; // requests that no thread has set out to take yet
    std::atomic<bool> spent_{false};        // the router knows
    std::optional<RouterWatch> watch_;      // last: its thread uses all of the above
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
    requestLimit_ = reader.u32();
    permits_.store(requestLimit_, std::memory_order_relaxed);
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
}

void Worker::stopTaking() noexcept
{
    stopping_.store(true, std::memory_order_release);
    for (const auto &consumer : consumers_) {
        consumer->getUp();
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

// No more requests, but those that threads have (seed S50). The successor is to be on its way
// before we are gone.
void Worker::spent() noexcept
{
    stopTaking();
    if (!spent_.exchange(true)) {
        sendPatiently(options_.router, MessageType::workerSpent, {});
    }
}

// One request thread: the main one or another.
void Worker::serve(ipc::RequestConsumer &consumer) noexcept
{
    const pb_runtime_ops &ops = options_.runtime->runtime();
    void *self = options_.runtime->object();
    void *thread = ops.thread_enter(self);
    WorkerExchange exchange(*application_, *port_);
    Permit permit(permits_, requestLimit_);
    while (!stopping_.load(std::memory_order_acquire)) {
        if (!permit.get()) { // another thread waits with the last one
            spent();
            break;
        }
        std::optional<ipc::Ticket> ticket = consumer.take();
        if (!ticket) {
            consumer.sleep();
            continue;
        }
        if (permit.use()) {
            spent();
        }
        if (exchange.begin(*ticket)) {
            exchange.end(call(exchange.face(), thread));
        }
    }
    consumer.leave();
    ops.thread_leave(self, thread);
}

// Until it is told to stop. false: it never got ready.
bool Worker::serveAll()
{
    bool ready = true;
    std::vector<std::unique_ptr<RequestThread>> others;
    try {
        // Signals go to the main thread: languages run their handlers there.
        BlockedSignals blocked;
        for (std::size_t i = 1; i < consumers_.size(); i++) {
            others.push_back(std::make_unique<RequestThread>(options_.start->threadStackBytes,
                                                             [this, i] { serve(*consumers_[i]); }));
        }
    } catch (const std::exception &error) {
        startFailed(std::string("A request thread cannot be started: ") + error.what());
        stopTaking();
        ready = false;
    }
    if (!stopping_.load(std::memory_order_acquire)) {
        sendPatiently(options_.router, MessageType::workerReady, {});
    }
    serve(*consumers_[0]);
    others.clear(); // waits for them
    return ready;
}

// The channel is all it inherits; the rest is between it and the router (sdk/PROTOCOL.md).
void Worker::become()
{
    const int fd = options_.router.fd();
    const std::string init = std::to_string(ipc::kProtocolMajor) + "." +
                             std::to_string(ipc::kProtocolMinor) + ";" + std::to_string(fd) + ";" +
                             modules::host().software;
    setenv("PATCHBAY_INIT", init.c_str(), 1);
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
