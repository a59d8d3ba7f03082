// What the tests of this folder share: a child process for each test that starts Python (there is
// one interpreter per process), and a worker in it, made of the real encoder and the real runtime.
#pragma once

#include "fake_exchange.hpp"
#include "fake_request.hpp"
#include "module_file.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace fixture {

// Runs `work` in a forked child; a failed assertion there fails here, with its text.
void inChild(const std::function<void()> &work);

class Encoder {
public:
    Encoder();
    ~Encoder();
    Encoder(const Encoder &) = delete;
    Encoder &operator=(const Encoder &) = delete;
    // Asserts that the size promised is the size written and that nothing lies beyond it.
    std::vector<std::uint8_t> encode(FakeRequest &request) const;

private:
    FakeHost host_;
    const pb_module &module_;
    const pb_encoder_ops &ops_;
    void *self_;
};

struct Outcome {
    int result = PB_ERROR; // of serve()
    FakeExchange exchange;
};

class Worker {
public:
    // options: members of the application beside "path", whose JSON is `path`.
    explicit Worker(const std::string &options, std::uint32_t threads = 1,
                    const std::string &path = "\"" APPS "\"");
    ~Worker(); // stops it
    Worker(const Worker &) = delete;
    Worker &operator=(const Worker &) = delete;

    // On the main thread.
    Outcome serve(FakeRequest request, FakeExchange exchange = {});
    Outcome get(const std::string &path) { return serve(FakeRequest(path)); }
    Outcome serveMessage(const std::vector<std::uint8_t> &message);
    // On any thread, with what threadEnter() gave.
    Outcome serveOn(void *thread, FakeRequest &request, FakeExchange exchange = {});
    void *threadEnter() const { return ops_.thread_enter(self_); }
    void threadLeave(void *thread) const { ops_.thread_leave(self_, thread); }
    void *mainThread() const { return thread_; }
    // What loop() returns when the core says stop at once.
    int loopOnce() const;
    void stop();

    const std::string &startError() const { return startError_; } // empty: started
    const std::vector<std::string> &log() const { return host_.lines; }

private:
    FakeHost host_;
    Encoder encoder_;
    const pb_module &module_;
    const pb_runtime_ops &ops_;
    void *self_ = nullptr;
    void *thread_ = nullptr;
    std::string startError_;
};

// What the process writes to descriptor 2 until text() is called.
class CapturedErrors {
public:
    CapturedErrors();
    ~CapturedErrors();
    CapturedErrors(const CapturedErrors &) = delete;
    CapturedErrors &operator=(const CapturedErrors &) = delete;
    std::string text();

private:
    int file_;
    int saved_;
};

// Lines "NAME=VALUE" of a body.
std::map<std::string, std::string> parseLines(const std::string &text);
// A temporary directory, removed at the end of the process's test.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory &) = delete;
    TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
    const std::string &path() const { return path_; }
    std::string write(const std::string &name, const std::string &text) const;

private:
    std::string path_;
};

} // namespace fixture
