#include "base/log.hpp"
#include "base/unique_fd.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace patchbay::test {

using log::Level;

class LogTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LogTest);
    CPPUNIT_TEST(lineHasDateLevelProcessAndThread);
    CPPUNIT_TEST(levelsAboveAreDropped);
    CPPUNIT_TEST(everyLevelHasItsFunction);
    CPPUNIT_TEST(parsesItsOwnNames);
    CPPUNIT_TEST(nobodyForgesALine);
    CPPUNIT_TEST(longMessagesAreCut);
    CPPUNIT_TEST(keepsErrno);
    CPPUNIT_TEST(closedDescriptorIsNoFailure);
    CPPUNIT_TEST(threadsDoNotMixLines);
    CPPUNIT_TEST_SUITE_END();

public:
    // Descriptor 2 becomes a file of ours for the length of each test.
    void setUp() override
    {
        saved_ = UniqueFd(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
        file_ = UniqueFd(memfd_create("log", MFD_CLOEXEC));
        fcntl(file_.get(), F_SETFL, O_APPEND);
        dup2(file_.get(), STDERR_FILENO);
        level_ = log::level();
        log::setLevel(Level::info);
    }

    void tearDown() override
    {
        log::setLevel(level_);
        dup2(saved_.get(), STDERR_FILENO);
    }

    void lineHasDateLevelProcessAndThread()
    {
        log::notice("%s %d", "hello", 42);
        std::string line = written();
        std::string shape = line;
        std::replace_if(
            shape.begin(), shape.begin() + 19, [](char c) { return c >= '0' && c <= '9'; }, '0');
        std::string expected = "0000/00/00 00:00:00 [notice] " + std::to_string(getpid()) + "#" +
                               std::to_string(gettid()) + " hello 42\n";
        CPPUNIT_ASSERT_EQUAL(expected, shape);
    }

    void levelsAboveAreDropped()
    {
        log::debug("dropped");
        log::write(Level::debug, "dropped");
        CPPUNIT_ASSERT(written().empty());
        log::setLevel(Level::debug);
        log::debug("kept");
        CPPUNIT_ASSERT(written().ends_with("kept\n"));
        log::setLevel(Level::alert);
        std::string before = written();
        log::error("dropped");
        CPPUNIT_ASSERT(written() == before);
        log::alert("kept");
        CPPUNIT_ASSERT(written() != before);
    }

    void everyLevelHasItsFunction()
    {
        log::setLevel(Level::debug);
        log::alert("1");
        log::error("2");
        log::warn("3");
        log::notice("4");
        log::info("5");
        log::debug("6");
        std::string text = written();
        for (const char *expected : {"[alert] ", "[error] ", "[warn] ", "[notice] ", "[info] ",
                                     "[debug] ", " 1\n", " 6\n"}) {
            CPPUNIT_ASSERT(text.find(expected) != std::string::npos);
        }
    }

    void parsesItsOwnNames()
    {
        Level level = Level::debug;
        CPPUNIT_ASSERT(log::parseLevel("alert", level) && level == Level::alert);
        CPPUNIT_ASSERT(log::parseLevel("warn", level) && level == Level::warn);
        CPPUNIT_ASSERT(log::parseLevel("debug", level) && level == Level::debug);
        for (const char *text : {"", "Info", "info ", "warning", "informative"}) {
            CPPUNIT_ASSERT(!log::parseLevel(text, level));
        }
        CPPUNIT_ASSERT(level == Level::debug);
    }

    void nobodyForgesALine()
    {
        using namespace std::string_view_literals;
        log::write(Level::error, "a\nb\rc\0d"sv);
        CPPUNIT_ASSERT(written().ends_with(" a b c d\n"));
        CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{1}, lines());
    }

    void longMessagesAreCut()
    {
        std::string message(20'000, 'x');
        log::write(Level::info, message);
        std::string text = written();
        CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{8192}, std::count(text.begin(), text.end(), 'x'));
        CPPUNIT_ASSERT(text.back() == '\n');
        log::info("%s", message.c_str());
        CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{2}, lines());
        CPPUNIT_ASSERT(written().back() == '\n');
    }

    void keepsErrno()
    {
        errno = EDOM;
        log::error("%d", errno);
        CPPUNIT_ASSERT_EQUAL(EDOM, errno);
    }

    void closedDescriptorIsNoFailure()
    {
        close(STDERR_FILENO);
        errno = EDOM;
        log::error("lost");
        CPPUNIT_ASSERT_EQUAL(EDOM, errno);
        CPPUNIT_ASSERT(written().empty());
        dup2(file_.get(), STDERR_FILENO);
        log::error("kept");
        CPPUNIT_ASSERT(written().find(" 1 log line was dropped\n") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{2}, lines());
    }

    void threadsDoNotMixLines()
    {
        constexpr int kLines = 200;
        std::vector<std::thread> threads;
        for (char c : {'p', 'q', 'r'}) {
            threads.emplace_back([c] {
                for (int i = 0; i < kLines; i++) {
                    log::write(Level::info, std::string(300, c));
                }
            });
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
        int whole = 0;
        std::istringstream text(written());
        for (std::string line; std::getline(text, line);) {
            std::string tail = line.substr(line.find_last_of(' ') + 1);
            whole += tail == std::string(300, tail.empty() ? '-' : tail.front());
        }
        CPPUNIT_ASSERT_EQUAL(3 * kLines, whole);
        CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{3 * kLines}, lines());
    }

private:
    std::string written() const
    {
        std::string text(1 << 20, '\0');
        ssize_t size = pread(file_.get(), text.data(), text.size(), 0);
        text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return text;
    }
    std::ptrdiff_t lines() const
    {
        std::string text = written();
        return std::count(text.begin(), text.end(), '\n');
    }

    UniqueFd saved_;
    UniqueFd file_;
    Level level_{};
};

CPPUNIT_TEST_SUITE_REGISTRATION(LogTest);

} // namespace patchbay::test
