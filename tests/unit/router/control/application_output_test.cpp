// What applications write to standard error: into the log as it is, and the end of it remembered.
#include "router/control/application_output.hpp"

#include "base/log.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <sstream>
#include <vector>

namespace {

using namespace patchbay;
using namespace patchbay::control;

class ApplicationOutputTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ApplicationOutputTest);
    CPPUNIT_TEST(theTailKeepsTheLastLines);
    CPPUNIT_TEST(theTailIsBounded);
    CPPUNIT_TEST(theTailIsValidText);
    CPPUNIT_TEST(linesGoToTheLogAsTheyAre);
    CPPUNIT_TEST(silenceEndsALine);
    CPPUNIT_TEST(asJsonEachLineIsAnObject);
    CPPUNIT_TEST(veryLongLinesComeInParts);
    CPPUNIT_TEST(theLastWordsAreTakenAtOnce);
    CPPUNIT_TEST(aFloodIsTakenBitByBit);
    CPPUNIT_TEST(aLogThatTakesNothingStopsNobody);
    CPPUNIT_TEST(theEndOfAllWritersIsNoEvent);
    CPPUNIT_TEST(itTakesWhatIsLeftAtItsEnd);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        saved_ = UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
        log_ = UniqueFd(::memfd_create("log", MFD_CLOEXEC));
        ::fcntl(log_.get(), F_SETFL, O_APPEND);
        ::dup2(log_.get(), STDERR_FILENO);
        loop_ = std::make_unique<ControlLoop>();
        output_ = std::make_unique<ApplicationOutput>(*loop_, "shop");
    }
    void tearDown() override
    {
        output_.reset();
        ::dup2(saved_.get(), STDERR_FILENO);
    }

    void theTailKeepsTheLastLines()
    {
        OutputTail tail;
        CPPUNIT_ASSERT_EQUAL(std::string(), tail.text());
        tail.append("no line ");
        tail.append("yet");
        CPPUNIT_ASSERT_EQUAL(std::string("no line yet"), tail.text());
        tail.append("\n");
        std::string expected;
        for (int i = 0; i < 30; i++) {
            std::string line = "line " + std::to_string(i) + "\n";
            tail.append(line);
            expected += i >= 10 ? line : "";
        }
        CPPUNIT_ASSERT_EQUAL(expected, tail.text());
        tail.append("last");
        CPPUNIT_ASSERT_EQUAL(expected.substr(expected.find('\n') + 1) + "last", tail.text());
        OutputTail empty;
        empty.append(std::string(25, '\n'));
        CPPUNIT_ASSERT_EQUAL(std::string(20, '\n'), empty.text());
    }

    void theTailIsBounded()
    {
        OutputTail tail;
        tail.append(std::string(10'000, 'x') + "\nshort\n");
        CPPUNIT_ASSERT_EQUAL(std::string("short\n"),
                             tail.text()); // a line cut in front is left out
        tail.append(std::string(5'000, 'y'));
        CPPUNIT_ASSERT_EQUAL(std::string(4'096, 'y'), tail.text()); // unless it is all there is
        tail.append("\n");
        CPPUNIT_ASSERT_EQUAL(std::string(4'095, 'y') + "\n", tail.text());
    }

    void theTailIsValidText()
    {
        OutputTail tail;
        tail.append("\xc3\xa4 \xff\xfe \xe2\x82");
        CPPUNIT_ASSERT_EQUAL(std::string("\xc3\xa4 ?? ??"), tail.text());
        tail.append("\xac"); // the rest of it comes later
        CPPUNIT_ASSERT_EQUAL(std::string("\xc3\xa4 ?? \xe2\x82\xac"), tail.text());
    }

    void linesGoToTheLogAsTheyAre()
    {
        const std::string text("a line \0\xff\r\nhalf", 15);
        write(text);
        CPPUNIT_ASSERT(until([&] { return output_->tail().ends_with("half"); }));
        CPPUNIT_ASSERT_EQUAL(text.substr(0, 11), logged());
        write(" and half\n");
        CPPUNIT_ASSERT(until([&] { return logged() == text + " and half\n"; }));
    }

    void silenceEndsALine()
    {
        write("loading");
        CPPUNIT_ASSERT(until([&] { return logged() == "loading\n"; }));
        CPPUNIT_ASSERT_EQUAL(std::string("loading"), output_->tail());
    }

    void asJsonEachLineIsAnObject()
    {
        log::setFormat(log::Format::json);
        write("one \"1\"\r\n\n2026/11/23 04:42:16 [alert] 12#13 two\nrest");
        output_->drain();
        log::setFormat(log::Format::text);
        std::vector<std::string> lines = split(logged());
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, lines.size());
        const std::string own = R"("application":"shop","message":)";
        CPPUNIT_ASSERT(lines[0].ends_with(R"(,"level":"info",)" + own + R"("one \"1\""})"));
        CPPUNIT_ASSERT(lines[1].ends_with(own + R"(""})"));
        CPPUNIT_ASSERT(
            lines[2].ends_with(R"(,"level":"alert","pid":12,"tid":13,)" + own + R"("two"})"));
        CPPUNIT_ASSERT(lines[3].ends_with(own + R"("rest"})"));
    }

    void veryLongLinesComeInParts()
    {
        std::string line; // a character of two bytes at every boundary there may be
        for (int i = 0; i < 10'000; i++) {
            line += "\xc3\xa4";
        }
        write("x" + line);
        CPPUNIT_ASSERT(until([&] { return !logged().empty(); }));
        CPPUNIT_ASSERT_EQUAL(std::string::npos, logged().find('\n'));
        output_->drain();
        CPPUNIT_ASSERT_EQUAL("x" + line + "\n", logged());
        log::setFormat(log::Format::json);
        write(line + "\n");
        output_->drain();
        log::setFormat(log::Format::text);
        std::string whole;
        std::vector<std::string> lines = split(logged().substr(line.size() + 2));
        CPPUNIT_ASSERT(lines.size() > 1);
        for (const std::string &part : lines) {
            std::size_t begin = part.find("message\":\"") + 10;
            whole += part.substr(begin, part.size() - begin - 2);
        }
        CPPUNIT_ASSERT_EQUAL(line, whole);
    }

    void theLastWordsAreTakenAtOnce()
    {
        write("Traceback\n");
        output_->drain();
        CPPUNIT_ASSERT_EQUAL(std::string("Traceback\n"), output_->tail());
        CPPUNIT_ASSERT_EQUAL(std::string("Traceback\n"), logged());
        output_->drain(); // nothing there
        CPPUNIT_ASSERT_EQUAL(std::string("Traceback\n"), logged());
    }

    void aFloodIsTakenBitByBit()
    {
        ::fcntl(output_->writeEnd(), F_SETPIPE_SZ, 1 << 20); // an application may do that
        std::string flood;
        while (flood.size() < 200'000) {
            flood += std::string(99, 'f') + '\n';
        }
        write(flood);
        std::size_t before = logged().size();
        output_->drain();
        CPPUNIT_ASSERT(logged().size() - before <= 64 * 1024);
        CPPUNIT_ASSERT(until([&] { return logged() == flood; }));
    }

    void aLogThatTakesNothingStopsNobody()
    {
        UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
        ::dup2(full.get(), STDERR_FILENO);
        write("lost\n");
        CPPUNIT_ASSERT(until([&] { return output_->tail() == "lost\n"; }));
        ::close(STDERR_FILENO);
        write("lost too\n");
        CPPUNIT_ASSERT(until([&] { return output_->tail() == "lost\nlost too\n"; }));
        ::dup2(log_.get(), STDERR_FILENO);
        write("kept\n");
        CPPUNIT_ASSERT(until([&] { return logged().ends_with("\nkept\n"); }));
        CPPUNIT_ASSERT(logged().find(" 2 log lines were dropped\n") != std::string::npos);
    }

    void theEndOfAllWritersIsNoEvent()
    {
        {
            UniqueFd writer(::fcntl(output_->writeEnd(), F_DUPFD_CLOEXEC, 3));
            write("bye\n");
        }
        CPPUNIT_ASSERT(until([&] { return logged() == "bye\n"; }));
        bool passed = false;
        loop_->after(std::chrono::milliseconds(20), [&] { passed = true; });
        int turns = 0;
        loop_->runUntil([&] { return ++turns > 100 || passed; });
        CPPUNIT_ASSERT(passed);
    }

    void itTakesWhatIsLeftAtItsEnd()
    {
        write("left over\n");
        output_.reset();
        CPPUNIT_ASSERT_EQUAL(std::string("left over\n"), logged());
    }

private:
    void write(const std::string &text)
    {
        ssize_t written = ::write(output_->writeEnd(), text.data(), text.size());
        CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(text.size()), written);
    }
    std::string logged() const
    {
        std::string text(1 << 20, '\0');
        ssize_t size = ::pread(log_.get(), text.data(), text.size(), 0);
        text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return text;
    }
    static std::vector<std::string> split(const std::string &text)
    {
        std::vector<std::string> lines;
        std::istringstream stream(text);
        for (std::string line; std::getline(stream, line);) {
            lines.push_back(line);
        }
        return lines;
    }
    bool until(const std::function<bool()> &condition)
    {
        return loop_->runUntil(condition, ControlLoop::Clock::now() + std::chrono::seconds(30));
    }

    UniqueFd saved_, log_;
    std::unique_ptr<ControlLoop> loop_;
    std::unique_ptr<ApplicationOutput> output_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ApplicationOutputTest);

} // namespace
