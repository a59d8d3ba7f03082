// What a line of the event log looks like: text, JSON, in the journal.
#include "base/log_line.hpp"
#include "base/log_output.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <cstdlib>
#include <string>

namespace patchbay::test {

using namespace log;
using namespace std::string_literals;
using namespace std::string_view_literals;

class LogLineTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LogLineTest);
    CPPUNIT_TEST(asText);
    CPPUNIT_TEST(asJson);
    CPPUNIT_TEST(inTheJournal);
    CPPUNIT_TEST(anyBytesAreValidJson);
    CPPUNIT_TEST(whatDoesNotFitIsLeftForTheNextLine);
    CPPUNIT_TEST(aLongNameLeavesRoomForTheMessage);
    CPPUNIT_TEST(knowsItsOwnPrefix);
    CPPUNIT_TEST(parsesFormats);
    CPPUNIT_TEST(parsesTheJournalsDescriptor);
    CPPUNIT_TEST_SUITE_END();

public:
    void asText()
    {
        const std::string line = compose({}, facts(Level::notice), "a\nb\r\0c"sv);
        CPPUNIT_ASSERT_EQUAL("2026/11/23 03:42:16 [notice] 24#25 a b  c\n"s, inUtc(line));
    }

    void asJson()
    {
        const LineStyle json{Format::json, false};
        CPPUNIT_ASSERT_EQUAL(R"({"time":"2026-11-23T03:42:16.007Z","level":"warn","pid":24,)"
                             R"("tid":25,"message":"say \"hi\"\\"})"
                             "\n"s,
                             compose(json, facts(Level::warn), "say \"hi\"\\"));
        LineFacts application;
        application.application = "a\"b";
        CPPUNIT_ASSERT_EQUAL(R"({"time":"2026-11-23T03:42:16.007Z","level":"info",)"
                             R"("application":"a\"b","message":""})"
                             "\n"s,
                             compose(json, application, ""));
    }

    void inTheJournal()
    {
        CPPUNIT_ASSERT_EQUAL("<1>[alert] 24#25 x\n"s,
                             compose({Format::text, true}, facts(Level::alert), "x"));
        CPPUNIT_ASSERT(
            compose({Format::json, true}, facts(Level::debug), "x").starts_with("<7>{\"time\""));
    }

    void anyBytesAreValidJson()
    {
        CPPUNIT_ASSERT_EQUAL(R"(\u0000\u0001\t\n\r\u001f)"
                             "\x7f"
                             "äüß€𝄞"
                             R"(\ufffd\ufffd\ufffd\ufffd)"s,
                             message("\0\x01\t\n\r\x1f\x7f"
                                     "äüß€𝄞"
                                     "\xff\xc0\x80\xe2"sv));
    }

    void whatDoesNotFitIsLeftForTheNextLine()
    {
        const std::string text = std::string(399, '\n') + "ä" + std::string(400, 'x');
        std::string whole;
        std::string_view rest = text;
        int parts = 0;
        while (!rest.empty()) {
            std::array<char, 512> room;
            ComposedLine line = composeLine(room, {Format::json, false}, {}, kNow, rest);
            CPPUNIT_ASSERT(line.size <= room.size() && line.used > 0);
            whole += messageOf({room.data(), line.size});
            rest.remove_prefix(line.used);
            parts++;
        }
        CPPUNIT_ASSERT(parts > 2);
        std::string expected;
        for (char c : text) {
            expected += c == '\n' ? "\\n" : std::string(1, c);
        }
        CPPUNIT_ASSERT_EQUAL(expected, whole);
        std::array<char, 512> room;
        ComposedLine line = composeLine(room, {}, {}, kNow, text);
        CPPUNIT_ASSERT_EQUAL(room.size(), line.size);
        CPPUNIT_ASSERT_EQUAL('\n', room[line.size - 1]);
    }

    void aLongNameLeavesRoomForTheMessage()
    {
        const std::string name(1000, '\x01');
        LineFacts application;
        application.application = name;
        std::array<char, 512> room;
        ComposedLine line = composeLine(room, {Format::json, false}, application, kNow, "message");
        CPPUNIT_ASSERT_EQUAL("message"s, messageOf({room.data(), line.size}));
    }

    void knowsItsOwnPrefix()
    {
        std::string line = compose({}, facts(Level::error), "#7: failed");
        std::string_view rest = line;
        std::optional<LineFacts> found = takePrefix(rest);
        CPPUNIT_ASSERT(found && found->level == Level::error);
        CPPUNIT_ASSERT_EQUAL(24L, found->process);
        CPPUNIT_ASSERT_EQUAL(25L, found->thread);
        CPPUNIT_ASSERT_EQUAL("#7: failed\n"sv, rest);
        for (const char *other :
             {"", "x", "2026/11/23", "2026/11/23 04:42:16 [", "2026/11/23 04:42:16 [info]",
              "2026/11/23 04:42:16 [loud] 1#2 x", "2026/11/23 04:42:16 [info] 1#2",
              "2026/11/23 04:42:16 [info] 1 #2 x", "2026/11/23 04:42:16 [info] -1#2 x",
              "2026/11/23 04:42:16 [info] 99999999999999999999#2 x",
              "2026-11-23 04:42:16 [info] 1#2 x"}) {
            std::string_view same = other;
            CPPUNIT_ASSERT(!takePrefix(same));
            CPPUNIT_ASSERT_EQUAL(std::string_view(other), same);
        }
    }

    void parsesFormats()
    {
        Format format = Format::text;
        CPPUNIT_ASSERT(parseFormat("json", format) && format == Format::json);
        CPPUNIT_ASSERT(parseFormat("text", format) && format == Format::text);
        CPPUNIT_ASSERT(!parseFormat("JSON", format) && !parseFormat("", format));
    }

    void parsesTheJournalsDescriptor()
    {
        std::optional<FileId> file = parseFileId("9:123456");
        CPPUNIT_ASSERT(file && *file == (FileId{9, 123456}));
        for (const char *text : {"", "9", "9:", ":1", "9:1 ", "a:b", "-1:1"}) {
            CPPUNIT_ASSERT(!parseFileId(text));
        }
    }

private:
    static constexpr std::timespec kNow{1795405336, 7'999'999};

    static LineFacts facts(Level level) { return {level, 24, 25, {}}; }

    static std::string compose(const LineStyle &style, const LineFacts &facts,
                               std::string_view message)
    {
        std::array<char, 4096> room;
        ComposedLine line = composeLine(room, style, facts, kNow, message);
        CPPUNIT_ASSERT_EQUAL(message.size(), line.used);
        return {room.data(), line.size};
    }
    static std::string messageOf(std::string_view line)
    {
        constexpr std::string_view kBegin = "\"message\":\"";
        CPPUNIT_ASSERT(line.ends_with("\"}\n"));
        line.remove_suffix(3);
        return std::string(line.substr(line.find(kBegin) + kBegin.size()));
    }
    static std::string message(std::string_view text)
    {
        return messageOf(compose({Format::json, false}, {}, text));
    }
    // Text has local time: any zone may be set here.
    static std::string inUtc(std::string line)
    {
        std::tm tm{};
        gmtime_r(&kNow.tv_sec, &tm);
        std::tm local{};
        localtime_r(&kNow.tv_sec, &local);
        char there[32], here[32];
        std::strftime(there, sizeof there, "%Y/%m/%d %H:%M:%S", &local);
        std::strftime(here, sizeof here, "%Y/%m/%d %H:%M:%S", &tm);
        CPPUNIT_ASSERT(line.starts_with(there));
        return here + line.substr(19);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LogLineTest);

} // namespace patchbay::test
