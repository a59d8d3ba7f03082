#include "base/log_output.hpp"

#include "base/log_line.hpp"
#include "base/log_queue.hpp"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <semaphore>
#include <thread>

namespace patchbay::log {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{200};   // of those who have other things to do
constexpr milliseconds kStuckTime{1000}; // one line that takes so long: nobody reads
constexpr milliseconds kStopTime{1000};
constexpr milliseconds kSlice{100};
constexpr milliseconds kReportEvery{1000};

std::atomic<std::uint64_t> droppedLines{0}; // not yet told
std::atomic<bool> torn{false};              // the beginning of a line stands there without its end
std::atomic<bool> stalled{false};           // the last wait was in vain

struct Background {
    std::atomic<bool> on{false};
    LogQueue queue;
    std::atomic<std::uint32_t> posted{0};
    std::atomic<bool> stopping{false};
    std::atomic<Clock::rep> stopBy{0};
    std::atomic<Clock::rep> busySince{0}; // with the record in front; 0: not busy
    std::atomic_flag writing;             // held while a record is written
    std::binary_semaphore ended{0};
};
Background background; // never destroyed: threads that are stuck may outlive main()
thread_local bool mayWrite = false;

Clock::rep now() noexcept
{
    return Clock::now().time_since_epoch().count();
}

bool writable(milliseconds time) noexcept
{
    pollfd entry{STDERR_FILENO, POLLOUT, 0};
    int ready = 0;
    do {
        ready = poll(&entry, 1, static_cast<int>(time.count()));
    } while (ready < 0 && errno == EINTR);
    return ready != 0; // if it cannot be polled, write() says why
}

// false: it was lost, or the rest of it. wait(): until descriptor 2 takes something; false: no.
template <typename Wait>
bool put(std::string_view bytes, const Wait &wait) noexcept
{
    std::size_t whole = bytes.size();
    while (!bytes.empty()) {
        ssize_t written = -1;
        if (wait()) {
            // Blocking mode is shared with whoever else has the other end; a socket can do without.
            written = send(STDERR_FILENO, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (written < 0 && errno == ENOTSOCK) {
                written = ::write(STDERR_FILENO, bytes.data(), bytes.size());
            }
            if (written < 0 && (errno == EINTR || errno == EAGAIN)) {
                continue;
            }
        }
        if (written <= 0) {
            torn = torn || bytes.size() < whole;
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

template <typename Wait>
bool putRecord(std::string_view record, const Wait &wait) noexcept
{
    if (torn.exchange(false) && !put("\n", wait)) {
        torn = true;
        return false;
    }
    return put(record, wait);
}

void lose(std::string_view record) noexcept
{
    auto lines = std::count(record.begin(), record.end(), '\n');
    droppedLines += static_cast<std::uint64_t>(std::max<std::ptrdiff_t>(lines, 1));
}

template <typename Wait>
bool reportDropped(const Wait &wait) noexcept
{
    const std::uint64_t lines = droppedLines.exchange(0);
    char text[64];
    int size =
        std::snprintf(text, sizeof text, "%llu log line%s dropped",
                      static_cast<unsigned long long>(lines), lines == 1 ? " was" : "s were");
    std::timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    char room[512];
    ComposedLine line =
        composeLine(room, {format(), destination().journal}, {Level::warn, getpid(), gettid(), {}},
                    time, {text, static_cast<std::size_t>(size)});
    if (!putRecord({room, line.size}, wait)) {
        droppedLines += lines;
        return false;
    }
    return true;
}

void emitDirectly(std::string_view record) noexcept
{
    auto wait = [] {
        bool ready = writable(stalled ? milliseconds(0) : kPatience);
        stalled = !ready;
        return ready;
    };
    bool told = droppedLines == 0 || reportDropped(wait);
    if (!told || !putRecord(record, wait)) {
        lose(record);
    }
}

// The thread: as long as it takes, unless the end is near.
bool waitPatiently() noexcept
{
    bool late = false;
    do {
        late = background.stopping && now() > background.stopBy;
        if (writable(late ? milliseconds(0) : kSlice)) {
            return true;
        }
    } while (!late);
    return false;
}

// All there is. In between, and at the end, what was lost.
void writeQueue() noexcept
{
    static Clock::time_point reported; // of the one thread
    for (bool more = true; more;) {
        while (background.writing.test_and_set(std::memory_order_acquire)) {
            poll(nullptr, 0, 1);
        }
        background.busySince = now();
        std::string_view record = background.queue.front();
        more = !record.empty();
        if (more) {
            if (!putRecord(record, waitPatiently)) {
                lose(record);
            }
            background.queue.pop();
        }
        if (droppedLines > 0 && (!more || Clock::now() - reported > kReportEvery)) {
            reportDropped(waitPatiently);
            reported = Clock::now();
        }
        background.busySince = 0;
        background.writing.clear(std::memory_order_release);
    }
}

void runBackground() noexcept
{
    pthread_setname_np(pthread_self(), "log");
    for (bool last = false; !last;) {
        std::uint32_t seen = background.posted;
        last = background.stopping;
        writeQueue();
        if (!last) {
            background.posted.wait(seen);
        }
    }
    background.ended.release();
}

// abort() shall not take with it what was said before. Returns to it.
void writeLastWords(int) noexcept
{
    auto wait = [] { return writable(kPatience); };
    for (int i = 0; i < 20 && background.writing.test_and_set(std::memory_order_acquire); i++) {
        poll(nullptr, 0, 10); // a record is being written; from now on none will be
    }
    std::string_view record = background.queue.front();
    while (!record.empty() && putRecord(record, wait)) {
        background.queue.pop();
        record = background.queue.front();
    }
}

// If nothing waits in front of it and descriptor 2 takes it now. Whoever gets an answer afterwards
// finds it in the log.
bool writeAtOnce(std::string_view record) noexcept
{
    for (int i = 0; background.writing.test_and_set(std::memory_order_acquire); i++) {
        if (i == 50) {
            return false; // the thread has work, or waits itself
        }
        sched_yield();
    }
    bool now = droppedLines == 0 && background.queue.front().empty() && writable(milliseconds(0));
    if (now && !putRecord(record, [] { return writable(kPatience); })) {
        lose(record);
    }
    background.writing.clear(std::memory_order_release);
    return now;
}

void post() noexcept
{
    background.posted++;
    background.posted.notify_one(); // no system call unless the thread sleeps
}

} // namespace

std::optional<FileId> parseFileId(std::string_view text) noexcept
{
    const char *end = text.data() + text.size();
    FileId file;
    auto [colon, deviceError] = std::from_chars(text.data(), end, file.device);
    if (deviceError != std::errc() || colon == end || *colon != ':') {
        return std::nullopt;
    }
    auto [rest, inodeError] = std::from_chars(colon + 1, end, file.inode);
    return inodeError == std::errc() && rest == end ? std::optional(file) : std::nullopt;
}

Destination destination() noexcept
{
    // Once: applications change the environment of their processes.
    static const std::optional<FileId> journal = [] {
        const char *text = std::getenv("JOURNAL_STREAM");
        return parseFileId(text != nullptr ? text : "");
    }();
    struct stat file {};
    if (fstat(STDERR_FILENO, &file) != 0) {
        return {};
    }
    return {S_ISFIFO(file.st_mode), journal == FileId{file.st_dev, file.st_ino}};
}

void emit(std::string_view record) noexcept
{
    if (!background.on.load(std::memory_order_acquire)) {
        emitDirectly(record);
        return;
    }
    if (mayWrite && writeAtOnce(record)) {
        return;
    }
    if (!background.queue.push(record)) {
        lose(record);
    }
    post();
}

void startBackground()
{
    background.stopping = false;
    while (background.ended.try_acquire()) {
    }
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    try {
        std::thread(runBackground).detach();
    } catch (...) {
        pthread_sigmask(SIG_SETMASK, &old, nullptr);
        throw;
    }
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
    background.on.store(true, std::memory_order_release);
    mayWrite = true;
    struct sigaction action {};
    action.sa_handler = writeLastWords;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGABRT, &action, nullptr);
}

void stopBackground() noexcept
{
    if (!background.on.exchange(false)) {
        return;
    }
    background.stopBy = now() + std::chrono::duration_cast<Clock::duration>(kStopTime).count();
    background.stopping = true;
    post();
    background.ended.try_acquire_for(2 * kStopTime); // unless it is stuck in a write()
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    sigaction(SIGABRT, &action, nullptr);
}

bool keepsUp() noexcept
{
    if (!background.on.load(std::memory_order_relaxed) ||
        background.queue.used() < LogQueue::kCapacity / 2) {
        return true;
    }
    Clock::rep since = background.busySince;
    return since != 0 && Clock::duration(now() - since) > kStuckTime;
}

} // namespace patchbay::log
