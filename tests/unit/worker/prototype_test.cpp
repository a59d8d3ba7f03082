// Prototype and workers as real processes, with the test runtime; the test plays the router.
#include "worker/prototype.hpp"

#include "base/process_title.hpp"
#include "ipc/isolation.hpp"
#include "worker/fake_router.hpp"
#include "worker/process_setup.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>

using namespace patchbay;
using ipc::MessageType;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Answer;
using test::FakeRouter;

namespace {

// The common main() knows nothing of titles; glibc hands a constructor the same arguments.
[[gnu::constructor]] void takeOverTitle(int argc, char **argv, char **)
{
    initProcessTitle(argc, argv);
}

constexpr seconds kBound{60}; // a bound, not a measurement

std::string readFile(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Of a zombie it is empty; NULs become spaces.
std::string titleOf(pid_t pid)
{
    std::string text = readFile("/proc/" + std::to_string(pid) + "/cmdline");
    text = text.substr(0, text.find('\0'));
    return text;
}

bool until(const std::function<bool()> &condition)
{
    auto end = std::chrono::steady_clock::now() + kBound;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        usleep(5'000);
    }
    return true;
}

bool gone(pid_t pid)
{
    std::string stat = readFile("/proc/" + std::to_string(pid) + "/stat");
    std::size_t name = stat.rfind(')');
    return name == std::string::npos || stat[name + 2] == 'Z' || stat[name + 2] == 'X';
}

constexpr std::uint32_t kFirstSeat = 64;

struct Start {
    std::string name = "app", options = "{}", user, group, directory, out, err;
    std::string module = TEST_RUNTIME;
    std::vector<std::pair<std::string, std::string>> environment;
    ipc::Isolation isolation;
    std::uint64_t stack = 0;

    std::string blob() const
    {
        ipc::WireWriter w;
        w.str(name).str("test").str(module).str(options).str(user).str(group).str(directory);
        w.u32(static_cast<std::uint32_t>(environment.size()));
        for (const auto &[key, value] : environment) {
            w.str(key).str(value);
        }
        w.str(out).str(err).u32(1).u64(stack);
        ipc::writeIsolation(w, isolation);
        return w.bytes();
    }
};

} // namespace

class PrototypeTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PrototypeTest);
    CPPUNIT_TEST(testServesAndQuits);
    CPPUNIT_TEST(testThreads);
    CPPUNIT_TEST(testStackOfThreads);
    CPPUNIT_TEST(testStackThatCannotBe);
    CPPUNIT_TEST(testRequestLimit);
    CPPUNIT_TEST(testRequestLimitOfThreads);
    CPPUNIT_TEST(testSurroundings);
    CPPUNIT_TEST(testOtherUser);
    CPPUNIT_TEST(testUnknownUser);
    CPPUNIT_TEST(testFailures);
    CPPUNIT_TEST(testWorkerFailsToStart);
    CPPUNIT_TEST(testWorkerKilledIsReported);
    CPPUNIT_TEST(testWorkerExitsInServe);
    CPPUNIT_TEST(testSignalsToWorkerAndPrototype);
    CPPUNIT_TEST(testSigquitEndsAWorker);
    CPPUNIT_TEST(testPrototypeKilledWorkersServeOn);
    CPPUNIT_TEST(testRouterGone);
    CPPUNIT_TEST(testRouterGoneWhileServing);
    CPPUNIT_TEST(testChildrenOfTheApplication);
    CPPUNIT_TEST(testStandardError);
    CPPUNIT_TEST(testStandardErrorInAFile);
    CPPUNIT_TEST(testReopenFiles);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        char name[] = "/tmp/patchbay-unit-XXXXXX";
        CPPUNIT_ASSERT(mkdtemp(name) != nullptr);
        dir_ = name;
        chmod(name, 0777);
        router_ = std::make_unique<FakeRouter>();
    }

    void tearDown() override
    {
        channel_.close();
        workers_.clear();
        if (prototype_ > 0) {
            // It sees the end of its channel; if not, it is ours to end.
            if (!until([this] { return waitpid(prototype_, nullptr, WNOHANG) != 0; })) {
                kill(prototype_, SIGKILL);
                waitpid(prototype_, nullptr, 0);
            }
        }
        prototype_ = 0;
        router_.reset();
        [[maybe_unused]] int status = std::system(("rm -rf '" + dir_ + "'").c_str());
    }

    void testServesAndQuits()
    {
        start({});
        CPPUNIT_ASSERT_EQUAL(std::string("patchbay: \"app\" prototype"), titleOf(prototype_));
        pid_t pid = startWorker();
        CPPUNIT_ASSERT_EQUAL(std::string("patchbay: \"app\" application"), titleOf(pid));
        CPPUNIT_ASSERT_EQUAL(std::to_string(pid), ask("pid").body);
        std::string body(200'000, 'b');
        Answer answer = router_->finish(router_->push("echo", body, 5'000));
        CPPUNIT_ASSERT(answer.body == body && answer.status == 200);
        CPPUNIT_ASSERT(ask("fail").aborted);
        CPPUNIT_ASSERT_EQUAL(std::to_string(pid), ask("pid").body);

        sendWorker(MessageType::quit, ipc::WireWriter().u32(1).u32(0).bytes());
        ipc::Frame frame = expect(MessageType::workerExited);
        ipc::WireReader reader(frame.payload);
        CPPUNIT_ASSERT_EQUAL(FakeRouter::kWorker, reader.u32());
        CPPUNIT_ASSERT_EQUAL(static_cast<std::uint32_t>(pid), reader.u32());
        CPPUNIT_ASSERT_EQUAL(0U, reader.u32());

        channel_.send(MessageType::quit, ipc::WireWriter().u32(1).u32(0).bytes());
        CPPUNIT_ASSERT_EQUAL(0, endOfPrototype());
    }

    void testThreads()
    {
        start({});
        startWorker(4);
        // Three of the four hang; the fourth still answers.
        std::vector<ipc::Ticket> hanging;
        for (std::uint32_t slot = 1; slot <= 3; slot++) {
            hanging.push_back(router_->push("hang", {}, 0, slot));
            CPPUNIT_ASSERT(
                until([&] { return router_->queue.takenBy(hanging.back()).has_value(); }));
        }
        for (int i = 0; i < 5; i++) {
            CPPUNIT_ASSERT_EQUAL(200U, ask("pid").status);
        }
        for (std::uint32_t slot = 1; slot <= 3; slot++) {
            router_->cancel(slot);
            CPPUNIT_ASSERT(router_->finish(hanging[slot - 1]).aborted);
        }
    }

    // The main thread has the process's stack, 8 MiB mostly, the other one what was asked for; a
    // sanitizer adds some hundred KiB of its own.
    void testStackOfThreads()
    {
        constexpr std::size_t kStack = 256 * 1024;
        constexpr std::size_t kWithSanitizer = kStack + 1024 * 1024;
        Start application;
        application.stack = kStack;
        start(application);
        startWorker(2);
        ipc::Ticket hanging = router_->push("hang", {}, 0, 1);
        CPPUNIT_ASSERT(until([&] { return router_->queue.takenBy(hanging).has_value(); }));
        const bool mainHangs = *router_->queue.takenBy(hanging) == kFirstSeat;
        const std::size_t size = std::stoul(ask("stack").body);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(std::to_string(size), mainHangs, size <= kWithSanitizer);
        router_->cancel(1);
        CPPUNIT_ASSERT(router_->finish(hanging).aborted);
    }

    void testStackThatCannotBe()
    {
        Start application;
        application.stack = std::uint64_t{1} << 50;
        start(application);
        pid_t pid = forkWorker(2);
        ipc::Frame frame = receive(workers_.back());
        CPPUNIT_ASSERT(frame.type == MessageType::workerFailed);
        const std::string text(ipc::WireReader(frame.payload).str());
        CPPUNIT_ASSERT_MESSAGE(text, text.find("A request thread cannot be started: ") == 0 &&
                                         text.find("bytes of stack") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(256U, exitOf(pid));
    }

    void testRequestLimit()
    {
        start({});
        pid_t pid = startWorker(1, 3);
        for (int i = 0; i < 3; i++) {
            CPPUNIT_ASSERT_EQUAL(200U, ask("pid").status);
        }
        ipc::Ticket fourth = router_->push("pid");
        CPPUNIT_ASSERT(receive(workers_.back()).type == MessageType::workerSpent);
        CPPUNIT_ASSERT_EQUAL(0U, exitOf(pid));
        CPPUNIT_ASSERT(!router_->queue.takenBy(fourth));
        startWorker(1, 3);
        CPPUNIT_ASSERT_EQUAL(200U, router_->finish(fourth).status);
    }

    // Told while the last request is being served; nobody takes one more.
    void testRequestLimitOfThreads()
    {
        start({});
        pid_t pid = startWorker(2, 3);
        ipc::Ticket hanging = router_->push("hang", {}, 0, 1);
        CPPUNIT_ASSERT(until([&] { return router_->queue.takenBy(hanging).has_value(); }));
        for (int i = 0; i < 2; i++) {
            CPPUNIT_ASSERT_EQUAL(200U, ask("pid").status);
        }
        CPPUNIT_ASSERT(receive(workers_.back()).type == MessageType::workerSpent);
        ipc::Ticket fourth = router_->push("pid");
        CPPUNIT_ASSERT(!gone(pid));
        router_->cancel(1);
        CPPUNIT_ASSERT(router_->finish(hanging).aborted);
        CPPUNIT_ASSERT_EQUAL(0U, exitOf(pid));
        CPPUNIT_ASSERT(!router_->queue.takenBy(fourth));
    }

    void testSurroundings()
    {
        Start start_;
        start_.directory = dir_;
        start_.environment = {{"TEST_VALUE", "from configuration"}};
        start_.out = "out"; // in the working directory
        start_.err = dir_ + "/err";
        start(start_);
        startWorker();
        Answer answer = ask("env");
        CPPUNIT_ASSERT_EQUAL("from configuration " + dir_ + " " + std::to_string(getuid()) + " " +
                                 std::to_string(getgid()),
                             answer.body);
        CPPUNIT_ASSERT_EQUAL(std::string("said on stdout\n"), readFile(dir_ + "/out"));
        CPPUNIT_ASSERT_EQUAL(std::string("said on stderr\n"), readFile(dir_ + "/err"));
    }

    void testOtherUser()
    {
        const passwd *nobody = getpwnam("nobody");
        if (getuid() != 0 || nobody == nullptr) {
            return; // only root can become somebody else
        }
        Start start_;
        start_.user = "nobody";
        start_.directory = dir_;
        start_.err = dir_ + "/err";
        start_.module = copyOfRuntime(); // the build directory may be closed to others
        uid_t uid = nobody->pw_uid;
        gid_t gid = nobody->pw_gid;
        start(start_);
        pid_t pid = startWorker();
        CPPUNIT_ASSERT_EQUAL("- " + dir_ + " " + std::to_string(uid) + " " + std::to_string(gid),
                             ask("env").body);
        struct stat status {};
        CPPUNIT_ASSERT_EQUAL(0, stat((dir_ + "/err").c_str(), &status));
        CPPUNIT_ASSERT_EQUAL(uid, status.st_uid); // opened by that user, not by root
        std::string text = readFile("/proc/" + std::to_string(pid) + "/status");
        CPPUNIT_ASSERT(text.find("Groups:\t" + std::to_string(gid) + " \n") != std::string::npos);
    }

    void testUnknownUser()
    {
        Start start_;
        start_.user = "no-such-user-here";
        CPPUNIT_ASSERT_EQUAL(std::string("The user \"no-such-user-here\" does not exist."),
                             failure(start_));
        start_ = {};
        start_.user = "root";
        start_.group = "no-such-group-here";
        CPPUNIT_ASSERT_EQUAL(std::string("The group \"no-such-group-here\" does not exist."),
                             failure(start_));
    }

    void testFailures()
    {
        Start start_;
        start_.directory = dir_ + "/missing";
        CPPUNIT_ASSERT_EQUAL("The working directory \"" + dir_ +
                                 "/missing\" cannot be entered: No such file or directory.",
                             failure(start_));
        start_ = {};
        start_.err = dir_ + "/missing/err";
        CPPUNIT_ASSERT_EQUAL("The stderr file \"" + dir_ +
                                 "/missing/err\" cannot be opened: No such file or directory.",
                             failure(start_));
        start_ = {};
        start_.options = "{\"x\": \"fail-create\"}";
        CPPUNIT_ASSERT(failure(start_).find("create was asked to fail") != std::string::npos);
        start_ = {};
        start_.module = dir_ + "/nothing.so";
        CPPUNIT_ASSERT(failure(start_).find(dir_ + "/nothing.so") == 0);
        start_ = {};
        start_.environment = {{"A=B", "x"}};
        CPPUNIT_ASSERT_EQUAL(std::string("The environment variable \"A=B\" has an invalid name."),
                             failure(start_));
        start_ = {};
        start_.directory = std::string("/tmp\0/x", 7);
        CPPUNIT_ASSERT_EQUAL(std::string("The working directory contains a zero byte."),
                             failure(start_));
        run("\1\0\0\0"); // no blob at all
        expect(MessageType::prototypeFailed);
        CPPUNIT_ASSERT_EQUAL(1, endOfPrototype());
    }

    void testWorkerFailsToStart()
    {
        Start start_;
        start_.options = "fail-start";
        start(start_);
        pid_t pid = forkWorker(1);
        ipc::Frame frame = receive(workers_.back());
        CPPUNIT_ASSERT(frame.type == MessageType::workerFailed);
        CPPUNIT_ASSERT_EQUAL(std::string("start was asked to fail"),
                             std::string(ipc::WireReader(frame.payload).str()));
        CPPUNIT_ASSERT_EQUAL(0x100U, exitOf(pid));
    }

    void testWorkerKilledIsReported()
    {
        start({});
        pid_t pid = startWorker();
        kill(pid, SIGKILL);
        CPPUNIT_ASSERT_EQUAL(9U, exitOf(pid));
        // The prototype goes on: the next one serves.
        pid_t next = startWorker();
        CPPUNIT_ASSERT_EQUAL(std::to_string(next), ask("pid").body);
    }

    void testWorkerExitsInServe()
    {
        start({});
        pid_t pid = startWorker();
        router_->push("crash");
        CPPUNIT_ASSERT_EQUAL(0x700U, exitOf(pid));
    }

    void testSignalsToWorkerAndPrototype()
    {
        start({});
        pid_t pid = startWorker();
        for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE}) {
            kill(pid, signal);
            kill(prototype_, signal);
        }
        kill(prototype_, SIGQUIT);
        CPPUNIT_ASSERT_EQUAL(std::to_string(pid), ask("pid").body);
        CPPUNIT_ASSERT(!gone(prototype_));
    }

    void testSigquitEndsAWorker()
    {
        start({});
        pid_t pid = startWorker();
        ipc::Ticket ticket = router_->push("hang");
        CPPUNIT_ASSERT(until([&] { return router_->queue.takenBy(ticket).has_value(); }));
        kill(pid, SIGQUIT);
        usleep(20'000);
        CPPUNIT_ASSERT(!gone(pid)); // its request is finished first
        router_->cancel();
        router_->finish(ticket);
        CPPUNIT_ASSERT_EQUAL(0U, exitOf(pid));
    }

    void testPrototypeKilledWorkersServeOn()
    {
        start({});
        pid_t pid = startWorker();
        kill(prototype_, SIGKILL);
        CPPUNIT_ASSERT_EQUAL(9, endOfPrototype());
        CPPUNIT_ASSERT_EQUAL(std::to_string(pid), ask("pid").body);
        sendWorker(MessageType::quit, ipc::WireWriter().u32(1).u32(0).bytes());
        CPPUNIT_ASSERT(until([&] { return gone(pid); }));
    }

    void testRouterGone()
    {
        start({});
        pid_t pid = startWorker();
        channel_.close();
        workers_.clear();
        CPPUNIT_ASSERT_EQUAL(0, endOfPrototype());
        CPPUNIT_ASSERT(gone(pid));
    }

    void testRouterGoneWhileServing()
    {
        start({});
        pid_t pid = startWorker();
        ipc::Ticket ticket = router_->push("hang"); // until it is cancelled
        CPPUNIT_ASSERT(until([&] { return router_->queue.takenBy(ticket).has_value(); }));
        channel_.close();
        workers_.clear();
        CPPUNIT_ASSERT_EQUAL(0, endOfPrototype());
        CPPUNIT_ASSERT(gone(pid));
    }

    void testChildrenOfTheApplication()
    {
        start({});
        startWorker();
        // No channel, no doorbell: what the worker has of ours it does not hand on (P16). What was
        // open before the prototype began (a coverage or sanitizer log) is not counted.
        CPPUNIT_ASSERT_EQUAL(std::string("open 0"), ask("fork").body);
        CPPUNIT_ASSERT_EQUAL(200U, ask("pid").status);
    }

    void testStandardError()
    {
        UniqueFd pipe = makeStandardError();
        start({});
        pid_t pid = startWorker();
        CPPUNIT_ASSERT(linkOf(pid, 2).starts_with("pipe:"));
        CPPUNIT_ASSERT_EQUAL(linkOf(prototype_, 2), linkOf(pid, 2));
        ask("env");
        CPPUNIT_ASSERT_EQUAL(std::string("said on stderr\n"), readPipe(pipe.get()));
        workers_.back().send(MessageType::reopenLog, {});
        channel_.send(MessageType::reopenLog, {});
        ask("env"); // still there: it is not the log's descriptor
        CPPUNIT_ASSERT_EQUAL(std::string("said on stderr\n"), readPipe(pipe.get()));
        CPPUNIT_ASSERT_EQUAL(std::string("open 0"), ask("fork").body);
    }

    void testStandardErrorInAFile()
    {
        UniqueFd pipe = makeStandardError();
        Start start_;
        start_.err = dir_ + "/err";
        start(start_);
        pid_t pid = startWorker();
        CPPUNIT_ASSERT_EQUAL(start_.err, linkOf(pid, 2));
        ask("env");
        CPPUNIT_ASSERT_EQUAL(std::string("said on stderr\n"), readFile(start_.err));
        pollfd end{pipe.get(), POLLIN, 0};
        CPPUNIT_ASSERT_EQUAL(1, poll(&end, 1, 60'000)); // nobody has the pipe any more
        CPPUNIT_ASSERT_EQUAL(std::string(), readPipe(pipe.get()));
    }

    void testReopenFiles()
    {
        Start start_;
        start_.out = dir_ + "/out";
        start(start_);
        startWorker();
        ask("env");
        CPPUNIT_ASSERT_EQUAL(0, rename((dir_ + "/out").c_str(), (dir_ + "/old").c_str()));
        workers_.back().send(MessageType::reopenLog, {});
        CPPUNIT_ASSERT(until([&] { return access((dir_ + "/out").c_str(), F_OK) == 0; }));
        ask("env");
        CPPUNIT_ASSERT_EQUAL(std::string("said on stdout\n"), readFile(dir_ + "/out"));
    }

private:
    // For the next prototype; returns the end to read from.
    UniqueFd makeStandardError()
    {
        int ends[2];
        CPPUNIT_ASSERT_EQUAL(0, pipe2(ends, O_CLOEXEC));
        standardError_.reset(ends[1]);
        return UniqueFd(ends[0]);
    }
    static std::string readPipe(int fd)
    {
        char text[512];
        ssize_t size = read(fd, text, sizeof text);
        return {text, size > 0 ? static_cast<std::size_t>(size) : 0};
    }
    static std::string linkOf(pid_t pid, int fd)
    {
        char target[512];
        std::string path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
        ssize_t size = readlink(path.c_str(), target, sizeof target);
        return {target, size > 0 ? static_cast<std::size_t>(size) : 0};
    }

    std::string copyOfRuntime() const
    {
        std::string copy = dir_ + "/runtime.so";
        std::ofstream(copy, std::ios::binary) << readFile(TEST_RUNTIME);
        chmod(copy.c_str(), 0755);
        return copy;
    }

    void run(std::string_view blob)
    {
        auto [ours, theirs] = ipc::Channel::makePair();
        UniqueFd text = ipc::makeTextMemfd(blob, "blob");
        pid_t pid = fork();
        CPPUNIT_ASSERT(pid >= 0);
        if (pid == 0) {
            int keep[3] = {theirs.fd(), text.get(), standardError_.get()};
            worker::closeOtherDescriptors(keep);
            worker::resetSignals();
            worker::PrototypeOptions options;
            options.router = std::move(theirs);
            options.start = std::move(text);
            options.standardError = std::move(standardError_);
            _exit(worker::runPrototype(std::move(options)));
        }
        prototype_ = pid;
        channel_ = std::move(ours);
        standardError_.reset();
    }

    void start(const Start &what)
    {
        run(what.blob());
        expect(MessageType::prototypeReady);
    }

    std::string failure(const Start &what)
    {
        run(what.blob());
        ipc::Frame frame = expect(MessageType::prototypeFailed);
        CPPUNIT_ASSERT_EQUAL(1, endOfPrototype());
        return std::string(ipc::WireReader(frame.payload).str());
    }

    // As of waitpid() when it was a signal, else the exit code.
    int endOfPrototype()
    {
        int status = -1;
        CPPUNIT_ASSERT(until([&] { return waitpid(prototype_, &status, WNOHANG) == prototype_; }));
        prototype_ = 0;
        return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    }

    static ipc::Frame receive(ipc::Channel &channel)
    {
        ipc::Frame frame;
        for (;;) {
            CPPUNIT_ASSERT(channel.waitReadable(kBound));
            auto status = channel.receive(frame);
            CPPUNIT_ASSERT(status != ipc::Channel::Status::closed);
            if (status == ipc::Channel::Status::ok) {
                return frame;
            }
        }
    }

    ipc::Frame expect(MessageType type)
    {
        ipc::Frame frame = receive(channel_);
        std::string said;
        if (frame.type == MessageType::prototypeFailed && type != frame.type) {
            said = ipc::WireReader(frame.payload).str();
        }
        CPPUNIT_ASSERT_EQUAL_MESSAGE(said, static_cast<std::uint32_t>(type),
                                     static_cast<std::uint32_t>(frame.type));
        return frame;
    }

    pid_t forkWorker(std::uint32_t threads, std::uint32_t limit = 0)
    {
        auto [ours, theirs] = ipc::Channel::makePair();
        int fd = theirs.fd();
        channel_.send(MessageType::startWorker, ipc::WireWriter().u32(FakeRouter::kWorker).bytes(),
                      {&fd, 1});
        theirs.close();
        int segments[2] = {router_->application.segment().fd(), router_->worker.segment().fd()};
        ours.send(MessageType::attach,
                  ipc::WireWriter()
                      .u32(FakeRouter::kWorker)
                      .u32(kFirstSeat)
                      .u32(threads)
                      .u32(limit)
                      .bytes(),
                  segments);
        int doorbell = router_->doorbell.get();
        ours.send(MessageType::engineDoorbell, ipc::WireWriter().u32(FakeRouter::kEngine).bytes(),
                  {&doorbell, 1});
        workers_.push_back(std::move(ours));
        ipc::Frame frame = expect(MessageType::workerForked);
        ipc::WireReader reader(frame.payload);
        CPPUNIT_ASSERT_EQUAL(FakeRouter::kWorker, reader.u32());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, frame.fds.size()); // the pidfd
        return static_cast<pid_t>(reader.u32());
    }

    // limit: of requests, 0: none.
    pid_t startWorker(std::uint32_t threads = 1, std::uint32_t limit = 0)
    {
        pid_t pid = forkWorker(threads, limit);
        CPPUNIT_ASSERT(receive(workers_.back()).type == MessageType::workerReady);
        return pid;
    }

    void sendWorker(MessageType type, const std::string &payload)
    {
        workers_.back().send(type, payload);
    }

    std::uint32_t exitOf(pid_t pid)
    {
        ipc::Frame frame = expect(MessageType::workerExited);
        ipc::WireReader reader(frame.payload);
        reader.u32();
        CPPUNIT_ASSERT_EQUAL(static_cast<std::uint32_t>(pid), reader.u32());
        return reader.u32();
    }

    Answer ask(std::string_view word) { return router_->finish(router_->push(word)); }

    UniqueFd standardError_; // of the next prototype
    std::string dir_;
    std::unique_ptr<FakeRouter> router_;
    ipc::Channel channel_;
    std::vector<ipc::Channel> workers_;
    pid_t prototype_ = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(PrototypeTest);
