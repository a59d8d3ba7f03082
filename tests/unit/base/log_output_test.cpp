// Nobody waits for the log: the queue, the thread that writes it, destinations that take nothing.
#include "base/log.hpp"
#include "base/log_output.hpp"
#include "base/log_queue.hpp"
#include "base/unique_fd.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace patchbay::test {

class LogQueueTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LogQueueTest);
    CPPUNIT_TEST(keepsRecordsInOrderAcrossItsEnd);
    CPPUNIT_TEST(refusesWhatDoesNotFit);
    CPPUNIT_TEST(manyWritersOneReader);
    CPPUNIT_TEST_SUITE_END();

public:
    void keepsRecordsInOrderAcrossItsEnd()
    {
        for (std::size_t i = 0; i < 2000; i++) { // about twice around
            CPPUNIT_ASSERT(queue_->push(std::string(i, static_cast<char>('a' + i % 26)) + "!"));
            if (i % 3 == 2) {
                for (std::size_t j = i - 2; j <= i; j++) {
                    std::string expected = std::string(j, static_cast<char>('a' + j % 26)) + "!";
                    CPPUNIT_ASSERT(queue_->front() == expected);
                    queue_->pop();
                }
                CPPUNIT_ASSERT(queue_->front().empty());
                CPPUNIT_ASSERT_EQUAL(std::size_t{0}, queue_->used());
            }
        }
    }

    void refusesWhatDoesNotFit()
    {
        CPPUNIT_ASSERT(!queue_->push(""));
        CPPUNIT_ASSERT(!queue_->push(std::string(log::LogQueue::kCapacity, 'x')));
        const std::string record(1020, 'x'); // 1024 with its length
        std::size_t count = 0;
        while (queue_->push(record)) {
            count++;
        }
        CPPUNIT_ASSERT_EQUAL(log::LogQueue::kCapacity / 1024, count);
        CPPUNIT_ASSERT(!queue_->push("y"));
        queue_->pop();
        CPPUNIT_ASSERT(queue_->push("y"));
        for (; count > 1; count--) {
            CPPUNIT_ASSERT(queue_->front() == record);
            queue_->pop();
        }
        CPPUNIT_ASSERT(queue_->front() == "y");
    }

    void manyWritersOneReader()
    {
        constexpr int kWriters = 4, kRecords = 20'000;
        std::atomic<int> refused{0}, done{0};
        std::vector<std::thread> writers;
        for (int w = 0; w < kWriters; w++) {
            writers.emplace_back([&, w] {
                for (int i = 0; i < kRecords; i++) {
                    std::string record = std::to_string(w) + ' ' + std::to_string(i) + ' ';
                    record.append(static_cast<std::size_t>(i % 500), static_cast<char>('a' + w));
                    refused += queue_->push(record) ? 0 : 1;
                }
                done++;
            });
        }
        int taken = 0;
        std::array<int, kWriters> last;
        last.fill(-1);
        for (bool more = true; more;) {
            more = done < kWriters;
            for (std::string_view record; !(record = queue_->front()).empty(); queue_->pop()) {
                std::istringstream text{std::string(record)};
                int writer = -1, number = -1;
                std::string filler;
                text >> writer >> number >> filler;
                CPPUNIT_ASSERT(number > last.at(static_cast<std::size_t>(writer)));
                last.at(static_cast<std::size_t>(writer)) = number;
                CPPUNIT_ASSERT(filler == std::string(static_cast<std::size_t>(number % 500),
                                                     static_cast<char>('a' + writer)));
                taken++;
            }
        }
        for (std::thread &writer : writers) {
            writer.join();
        }
        CPPUNIT_ASSERT_EQUAL(kWriters * kRecords, taken + refused);
    }

private:
    std::unique_ptr<log::LogQueue> queue_ = std::make_unique<log::LogQueue>();
};

class LogOutputTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LogOutputTest);
    CPPUNIT_TEST(aThreadWritesInOrder);
    CPPUNIT_TEST(whoStartedItWritesAtOnceInOrder);
    CPPUNIT_TEST(nobodyWaitsForAPipeThatIsNotRead);
    CPPUNIT_TEST(theThreadWaitsForAPipeAndCountsWhatIsLost);
    CPPUNIT_TEST(theEndDoesNotWaitForever);
    CPPUNIT_TEST(linesInAPipeStayWhole);
    CPPUNIT_TEST(aSocketThatIsFullIsNotWaitedFor);
    CPPUNIT_TEST(lastWordsBeforeAnAbort);
    CPPUNIT_TEST(theQueueIsBehindUntilNobodyReads);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        saved_ = UniqueFd(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
        int ends[2];
        CPPUNIT_ASSERT_EQUAL(0, pipe2(ends, O_CLOEXEC));
        reader_.reset(ends[0]);
        pipe_.reset(ends[1]);
        dup2(pipe_.get(), STDERR_FILENO);
        pipe_.reset();
        fcntl(reader_.get(), F_SETFL, O_NONBLOCK);
    }

    void tearDown() override
    {
        log::stopBackground();
        toFile();
        log::info("what was lost before is told now"); // not in the next test
        dup2(saved_.get(), STDERR_FILENO);
    }

    void aThreadWritesInOrder()
    {
        log::startBackground();
        std::thread([] {
            for (int i = 0; i < 100; i++) {
                log::info("line %d", i);
            }
        }).join();
        log::stopBackground();
        std::istringstream text(readPipe());
        int n = 0;
        for (std::string line; std::getline(text, line); n++) {
            CPPUNIT_ASSERT(line.ends_with(" line " + std::to_string(n)));
        }
        CPPUNIT_ASSERT_EQUAL(100, n);
        log::info("directly");
        CPPUNIT_ASSERT(readPipe().ends_with(" directly\n"));
    }

    void whoStartedItWritesAtOnceInOrder()
    {
        log::startBackground();
        int atOnce = 0;
        for (int i = 0; i < 100; i++) {
            log::info("mine %d", i);
            std::string text = readPipe();
            atOnce += text.empty() ? 0 : 1;
            CPPUNIT_ASSERT(waitFor([&] { return (text += readPipe()).ends_with('\n'); }));
            CPPUNIT_ASSERT(text.ends_with(" mine " + std::to_string(i) + "\n"));
        }
        CPPUNIT_ASSERT(atOnce > 50); // the thread may have been about to look for work
        for (int i = 0; i < 50; i++) {
            std::thread([i] { log::info("theirs %d", i); }).join();
            log::info("mine %d", i);
            std::string text;
            CPPUNIT_ASSERT(waitFor([&] {
                text += readPipe();
                return std::count(text.begin(), text.end(), '\n') == 2;
            }));
            CPPUNIT_ASSERT(text.find("theirs") < text.find("mine"));
        }
    }

    void nobodyWaitsForAPipeThatIsNotRead()
    {
        log::setLevel(log::Level::info);
        int lines = 0;
        std::string all = fill(lines);
        auto began = std::chrono::steady_clock::now();
        for (int i = 0; i < 1000; i++) {
            log::info("lost");
        }
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - began < std::chrono::seconds(20));
        readPipe();
        log::info("kept");
        std::string text = readPipe();
        CPPUNIT_ASSERT(text.find(" 1001 log lines were dropped\n") != std::string::npos);
        CPPUNIT_ASSERT(text.ends_with(" kept\n"));
    }

    void theThreadWaitsForAPipeAndCountsWhatIsLost()
    {
        log::startBackground();
        const std::string filler(4000, 'f');
        int sent = 0;
        while (sent < 1000) { // more than pipe and queue hold
            log::write(log::Level::info, filler);
            sent++;
        }
        std::string text;
        auto all = [&] { // those that were written, the one that counts, those that it counts
            text += readPipe();
            std::size_t told = text.find(" log lines were dropped");
            if (told == std::string::npos) {
                return false;
            }
            int dropped = std::atoi(text.c_str() + text.rfind(' ', told - 1));
            CPPUNIT_ASSERT(dropped > 0);
            return std::count(text.begin(), text.end(), '\n') - 1 + dropped == sent;
        };
        CPPUNIT_ASSERT(waitFor(all));
    }

    void theEndDoesNotWaitForever()
    {
        log::startBackground();
        for (int i = 0; i < 100; i++) {
            log::write(log::Level::info, std::string(4000, 'f'));
        }
        auto began = std::chrono::steady_clock::now();
        log::stopBackground();
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - began < std::chrono::seconds(10));
        std::string text = readPipe();
        CPPUNIT_ASSERT(text.ends_with('\n'));
    }

    void linesInAPipeStayWhole()
    {
        log::write(log::Level::info, std::string(8000, 'x'));
        std::string text = readPipe();
        CPPUNIT_ASSERT_EQUAL(std::size_t{PIPE_BUF}, text.size());
        CPPUNIT_ASSERT(text.ends_with("x\n"));
    }

    void aSocketThatIsFullIsNotWaitedFor()
    {
        int ends[2];
        CPPUNIT_ASSERT_EQUAL(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
        UniqueFd one(ends[0]), two(ends[1]);
        dup2(two.get(), STDERR_FILENO);
        for (int i = 0; i < 1000; i++) { // more than it takes
            log::write(log::Level::info, std::string(8000, 's'));
        }
        std::string text(1 << 20, '\0');
        ssize_t size = recv(one.get(), text.data(), text.size(), MSG_DONTWAIT);
        CPPUNIT_ASSERT(size > 8000);
        one.reset(); // and a reader that is gone is no signal
        log::info("lost");
    }

    void lastWordsBeforeAnAbort()
    {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(30);
            log::startBackground();
            std::thread([] {
                for (int i = 0; i < 10; i++) {
                    log::alert("last words %d", i);
                }
                std::abort();
            }).join();
        }
        int status = 0;
        CPPUNIT_ASSERT_EQUAL(pid, waitpid(pid, &status, 0));
        CPPUNIT_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        std::string text = readPipe();
        for (int i = 0; i < 10; i++) {
            CPPUNIT_ASSERT(text.find(" last words " + std::to_string(i) + "\n") !=
                           std::string::npos);
        }
    }

    void theQueueIsBehindUntilNobodyReads()
    {
        CPPUNIT_ASSERT(log::keepsUp()); // nobody queues
        log::startBackground();
        bool behind = false; // until it gives up hope, which may be before we have written all
        for (int i = 0; i < 400; i++) {
            log::write(log::Level::info, std::string(4000, 'f'));
            behind = behind || !log::keepsUp();
        }
        CPPUNIT_ASSERT(behind);
        CPPUNIT_ASSERT(waitFor([] { return log::keepsUp(); })); // there is no hope
        CPPUNIT_ASSERT(waitFor([&] { return readPipe().empty() && log::keepsUp(); }));
    }

private:
    static bool waitFor(const std::function<bool()> &condition)
    {
        auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return true;
    }
    // As much as the pipe takes and one line more.
    std::string fill(int &lines)
    {
        std::string filler(PIPE_BUF, 'f');
        int flags = fcntl(STDERR_FILENO, F_GETFL);
        fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
        while (::write(STDERR_FILENO, filler.data(), filler.size()) > 0) {
            lines++;
        }
        fcntl(STDERR_FILENO, F_SETFL, flags);
        log::info("lost");
        return filler;
    }
    std::string readPipe()
    {
        std::string text;
        std::array<char, 65536> buffer;
        ssize_t size = 0;
        while ((size = ::read(reader_.get(), buffer.data(), buffer.size())) > 0) {
            text.append(buffer.data(), static_cast<std::size_t>(size));
        }
        return text;
    }
    static void toFile()
    {
        UniqueFd file(memfd_create("log", MFD_CLOEXEC));
        dup2(file.get(), STDERR_FILENO);
    }

    UniqueFd saved_, reader_, pipe_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(LogQueueTest);
CPPUNIT_TEST_SUITE_REGISTRATION(LogOutputTest);

} // namespace patchbay::test
