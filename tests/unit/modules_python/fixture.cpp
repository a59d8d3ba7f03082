// The test process and its children.
#include "fixture.hpp"

#include <cppunit/TestAssert.h>

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace fixture {

namespace {

std::string readAll(int fd)
{
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
}

void report(int fd, const std::string &text)
{
    if (write(fd, text.data(), text.size()) < 0) {
        _exit(3);
    }
}

[[noreturn]] void runChild(const std::function<void()> &work, int fd)
{
    int status = 1;
    try {
        work();
        status = 0;
    } catch (const CppUnit::Exception &e) {
        report(fd, "line " + std::to_string(e.sourceLine().lineNumber()) + ": " +
                       e.message().shortDescription() + "\n" + e.message().details());
    } catch (const std::exception &e) {
        report(fd, e.what());
    }
    _exit(status);
}

} // namespace

void inChild(const std::function<void()> &work)
{
    int ends[2];
    CPPUNIT_ASSERT_EQUAL(0, pipe(ends));
    const pid_t pid = fork();
    CPPUNIT_ASSERT(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        runChild(work, ends[1]);
    }
    close(ends[1]);
    const std::string problem = readAll(ends[0]);
    close(ends[0]);
    int status = 0;
    CPPUNIT_ASSERT_EQUAL(pid, waitpid(pid, &status, 0));
    CPPUNIT_ASSERT_EQUAL_MESSAGE("child: " + problem, 0, status);
}

Encoder::Encoder()
    : module_(loadModule(ENCODER_FILE, RTLD_LOCAL)),
      ops_(*static_cast<const pb_encoder_ops *>(module_.ops))
{
    pb_error error{};
    error.struct_size = sizeof error;
    self_ = module_.create(&host_.raw, {"{}", 2}, &error);
    CPPUNIT_ASSERT_MESSAGE(error.text, self_ != nullptr);
}

Encoder::~Encoder()
{
    module_.destroy(self_);
}

std::vector<std::uint8_t> Encoder::encode(FakeRequest &request) const
{
    const pb_request raw = request.raw();
    const std::size_t size = ops_.encoded_size(self_, &raw);
    constexpr std::size_t kGuard = 64;
    std::vector<std::uint8_t> message(size + kGuard, 0xA5);
    CPPUNIT_ASSERT_EQUAL(size, ops_.encode(self_, &raw, message.data(), size));
    for (std::size_t i = 0; i < kGuard; ++i) {
        CPPUNIT_ASSERT_EQUAL(0xA5, int{message[size + i]});
    }
    message.resize(size);
    message.shrink_to_fit(); // a reader that goes too far is seen by ASan
    return message;
}

Worker::Worker(const std::string &options, std::uint32_t threads, const std::string &path)
    : module_(loadModule(RUNTIME_FILE, RTLD_GLOBAL)),
      ops_(*static_cast<const pb_runtime_ops *>(module_.ops))
{
    pb_error error{};
    error.struct_size = sizeof error;
    const std::string json = R"({"type": "python", "path": )" + path + ", " + options + "}";
    self_ = module_.create(&host_.raw, {json.data(), json.size()}, &error);
    if (self_ != nullptr && ops_.start(self_, threads, &error) == PB_OK) {
        thread_ = ops_.thread_enter(self_);
        CPPUNIT_ASSERT(thread_ != nullptr);
        return;
    }
    startError_ = error.text;
    CPPUNIT_ASSERT_MESSAGE("a start that fails says why", !startError_.empty());
}

Worker::~Worker()
{
    if (thread_ != nullptr) {
        stop();
    }
    if (self_ != nullptr) {
        module_.destroy(self_);
    }
}

int Worker::loopOnce() const
{
    bool told = false;
    pb_loop loop{};
    loop.struct_size = sizeof loop;
    loop.context = &told;
    loop.wake_fd = eventfd(1, EFD_CLOEXEC);
    loop.capacity = 1;
    loop.next = [](void *context, pb_loop_event *event) {
        bool &once = *static_cast<bool *>(context);
        event->kind = once ? PB_LOOP_NOTHING : PB_LOOP_STOP;
        once = true;
    };
    pb_error error{};
    error.struct_size = sizeof error;
    const int result = ops_.loop(self_, thread_, &loop, &error);
    CPPUNIT_ASSERT_EQUAL(std::string(), std::string(error.text));
    close(loop.wake_fd);
    return result;
}

void Worker::stop()
{
    ops_.thread_leave(self_, std::exchange(thread_, nullptr));
    ops_.stop(self_);
}

Outcome Worker::serve(FakeRequest request, FakeExchange exchange)
{
    CPPUNIT_ASSERT_MESSAGE(startError_, thread_ != nullptr);
    return serveOn(thread_, request, std::move(exchange));
}

Outcome Worker::serveOn(void *thread, FakeRequest &request, FakeExchange exchange)
{
    Outcome outcome;
    outcome.exchange = std::move(exchange);
    const std::vector<std::uint8_t> message = encoder_.encode(request);
    const pb_exchange face = outcome.exchange.face(message, request.id);
    outcome.result = ops_.serve(self_, thread, &face);
    return outcome;
}

Outcome Worker::serveMessage(const std::vector<std::uint8_t> &message)
{
    Outcome outcome;
    const pb_exchange face = outcome.exchange.face(message, 1);
    outcome.result = ops_.serve(self_, thread_, &face);
    return outcome;
}

CapturedErrors::CapturedErrors() : file_(memfd_create("stderr", MFD_CLOEXEC)), saved_(dup(2))
{
    CPPUNIT_ASSERT(file_ >= 0 && saved_ >= 0 && dup2(file_, 2) == 2);
}

CapturedErrors::~CapturedErrors()
{
    dup2(saved_, 2);
    close(saved_);
    close(file_);
}

std::string CapturedErrors::text()
{
    lseek(file_, 0, SEEK_SET);
    return readAll(file_);
}

std::map<std::string, std::string> parseLines(const std::string &text)
{
    std::map<std::string, std::string> result;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        const std::size_t equals = line.find('=');
        result[line.substr(0, equals)] = equals == std::string::npos ? "" : line.substr(equals + 1);
        at = end + 1;
    }
    return result;
}

TemporaryDirectory::TemporaryDirectory()
{
    char pattern[] = "/tmp/patchbay-python-XXXXXX";
    CPPUNIT_ASSERT(mkdtemp(pattern) != nullptr);
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::write(const std::string &name, const std::string &text) const
{
    const std::string file = path_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file) << text;
    return file;
}

} // namespace fixture
