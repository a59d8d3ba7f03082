// What workers answer, honest and hostile ones (app-interfaces.md 1.2, traps H16, H17, I1).
#include "router/http/reply_parser.hpp"
#include "router/http/reply_text.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <random>
#include <vector>

namespace patchbay::http::test {
namespace {

using Result = ReplyParser::Result;

struct Run {
    Run() { parser.reset(arena); }

    // In pieces of the given sizes (the last one repeats), each overwritten after it was given:
    // the worker's memory may change. "STATUS name:value|...;BODY", "error TEXT" or "needMore".
    std::string text(const std::string &reply, const std::vector<std::size_t> &sizes)
    {
        std::size_t position = 0;
        Result result = Result::needMore;
        for (std::size_t i = 0; result == Result::needMore && position < reply.size(); i++) {
            std::size_t size =
                std::min(sizes[std::min(i, sizes.size() - 1)], reply.size() - position);
            auto piece = std::make_unique<char[]>(size);
            std::copy_n(reply.data() + position, size, piece.get());
            ReplyParser::Outcome outcome = parser.feed(piece.get(), size);
            std::fill_n(piece.get(), size, '\n');
            CPPUNIT_ASSERT(outcome.consumed <= size);
            CPPUNIT_ASSERT(outcome.result != Result::needMore || outcome.consumed == size);
            position += outcome.consumed;
            result = outcome.result;
        }
        if (result == Result::needMore) {
            return "needMore";
        }
        return result == Result::error ? std::string("error ") + parser.errorText()
                                       : describe() + ";" + reply.substr(position);
    }

    std::string describe() const
    {
        const Response &response = parser.response();
        std::string out = std::to_string(response.status) + " ";
        for (const Field &field : response.fields) {
            out.append(field.name).append(":").append(field.value).append("|");
        }
        return out;
    }

    Arena arena;
    ReplyParser parser;
};

std::string parse(const std::string &reply)
{
    return Run().text(reply, {reply.size()});
}

} // namespace

class ReplyParserTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReplyParserTest);
    CPPUNIT_TEST(takesAResponse);
    CPPUNIT_TEST(takesItInAnyPieces);
    CPPUNIT_TEST(dropsWhatIsOurs);
    CPPUNIT_TEST(leavesOutUnsafeFields);
    CPPUNIT_TEST(takesStatusField);
    CPPUNIT_TEST(takesContentLength);
    CPPUNIT_TEST(noticesDate);
    CPPUNIT_TEST(refusesWrongNumbers);
    CPPUNIT_TEST(refusesWrongSizes);
    CPPUNIT_TEST(limitsTheHead);
    CPPUNIT_TEST(survivesCorruption);
    CPPUNIT_TEST(isReusable);
    CPPUNIT_TEST_SUITE_END();

public:
    void takesAResponse()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("200 ;"), parse(makeReply(200, {})));
        CPPUNIT_ASSERT_EQUAL(
            std::string("404 Content-Type:text/plain|X-A:1|x-a:|;body"),
            parse(makeReply(404, {{"Content-Type", "text/plain"}, {"X-A", "1"}, {"x-a", ""}}) +
                  "body"));
        CPPUNIT_ASSERT_EQUAL(std::string("100 ;"), parse(makeReply(100, {})));
        CPPUNIT_ASSERT_EQUAL(std::string("999 ;"), parse(makeReply(999, {})));
    }

    void takesItInAnyPieces()
    {
        const std::string reply =
            makeReply(200, {{"Content-Type", "text/plain"}, {"Content-Length", "4"}, {"E", ""}}) +
            "body";
        const std::string expected = parse(reply);
        for (std::size_t size = 1; size < reply.size(); size++) {
            CPPUNIT_ASSERT_EQUAL(expected, Run().text(reply, {size}));
            CPPUNIT_ASSERT_EQUAL(expected, Run().text(reply, {size, reply.size()}));
        }
        std::mt19937 random(1);
        for (int round = 0; round < 2000; round++) {
            std::vector<std::size_t> sizes;
            for (int i = 0; i < 20; i++) {
                sizes.push_back(1 + random() % 12);
            }
            CPPUNIT_ASSERT_EQUAL(expected, Run().text(reply, sizes));
        }
        const std::size_t head = reply.size() - 4;
        for (std::size_t size = 0; size < head; size++) {
            CPPUNIT_ASSERT_EQUAL(std::string("needMore"),
                                 Run().text(reply.substr(0, size), {size + 1}));
        }
    }

    void dropsWhatIsOurs() // H16
    {
        CPPUNIT_ASSERT_EQUAL(std::string("200 A:1|Z:2|;"),
                             parse(makeReply(200, {{"A", "1"},
                                                   {"Server", "s"},
                                                   {"CONNECTION", "keep-alive"},
                                                   {"Upgrade", "websocket"},
                                                   {"Sec-WebSocket-Accept", "x"},
                                                   {"transfer-encoding", "chunked"},
                                                   {"Keep-Alive", "timeout=5"},
                                                   {"Z", "2"}})));
    }

    void leavesOutUnsafeFields() // H17
    {
        const std::string zero(1, '\0');
        Run run;
        CPPUNIT_ASSERT_EQUAL(std::string("200 A:1|Tab:a\tb\x7f|;"),
                             run.text(makeReply(200, {{"X\r\nY", "a"},
                                                      {"A", "1"},
                                                      {"B", "a\r\nY: b"},
                                                      {"C", "a\nb"},
                                                      {"D", "a\r"},
                                                      {"E", "a" + zero},
                                                      {"F" + zero, "a"},
                                                      {"", "a"},
                                                      {"G H", "a"},
                                                      {"I:", "a"},
                                                      {"\xc3\xa9", "a"},
                                                      {"Server\n", "a"},
                                                      {"Tab", "a\tb\x7f"}}),
                                      {5}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{11}, run.parser.unsafeFields());
        CPPUNIT_ASSERT_EQUAL(std::string("X\r\nY"), std::string(run.parser.firstUnsafeName()));
        Run clean;
        clean.text(makeReply(200, {{"Server", "s"}}), {99});
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, clean.parser.unsafeFields());
    }

    void takesStatusField()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("404 A:1|;"),
                             parse(makeReply(200, {{"status", "404 Not Here"}, {"A", "1"}})));
        CPPUNIT_ASSERT_EQUAL(std::string("299 ;"), parse(makeReply(200, {{"Status", "299"}})));
        for (const char *bad : {"", "40", "4040", "abc", "099", "40x", "404x", " 404", "-04"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(
                bad, std::string("error Status field of the response is invalid"),
                parse(makeReply(200, {{"Status", bad}})));
        }
    }

    void takesContentLength()
    {
        Run run;
        CPPUNIT_ASSERT_EQUAL(std::string("200 Content-Length:12|;"),
                             run.text(makeReply(200, {{"Content-Length", "12"}}), {50}));
        CPPUNIT_ASSERT(run.parser.response().contentLength == std::uint64_t{12});
        CPPUNIT_ASSERT_EQUAL(
            std::string("200 content-length:12|;"),
            parse(makeReply(200, {{"content-length", " 12\t"}, {"Content-Length", "12"}})));
        CPPUNIT_ASSERT_EQUAL(
            std::string("error two Content-Length in the response differ"),
            parse(makeReply(200, {{"Content-Length", "12"}, {"Content-Length", "13"}})));
        for (const char *bad : {"", "-1", "+1", "1 2", "1,1", "0x1", "a", "9223372036854775808"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(
                bad, std::string("error Content-Length of the response is invalid"),
                parse(makeReply(200, {{"Content-Length", bad}})));
        }
    }

    void noticesDate()
    {
        Run run;
        CPPUNIT_ASSERT_EQUAL(std::string("200 DATE:x|;"),
                             run.text(makeReply(200, {{"DATE", "x"}}), {50}));
        CPPUNIT_ASSERT(run.parser.response().hasDate);
        Run without;
        without.text(makeReply(200, {{"Dat", "x"}}), {50});
        CPPUNIT_ASSERT(!without.parser.response().hasDate);
    }

    void refusesWrongNumbers()
    {
        for (unsigned status : {0U, 1U, 42U, 99U, 1000U, 65535U}) {
            CPPUNIT_ASSERT_EQUAL(std::string("error response status is not between 100 and 999"),
                                 parse(makeReply(status, {})));
        }
    }

    void refusesWrongSizes()
    {
        const std::string malformed = "error response head is malformed";
        CPPUNIT_ASSERT_EQUAL(malformed, parse(makeReply(200, {{"A", "1"}}, -1) + "bodybody"));
        CPPUNIT_ASSERT_EQUAL(malformed, parse(makeReply(200, {{"A", "1"}}, 1) + "bodybody"));
        CPPUNIT_ASSERT_EQUAL(malformed, parse(makeReply(200, {{"A", "1"}}, 0, -1) + "bodybody"));
        CPPUNIT_ASSERT_EQUAL(malformed, parse(makeReply(200, {{"A", "1"}}, 0, 1) + "bodybody"));
        CPPUNIT_ASSERT_EQUAL(malformed, parse(makeReply(200, {}, -1)));
        CPPUNIT_ASSERT_EQUAL(malformed, parse(makeReply(200, {}, -4)));
        std::string huge = makeReply(200, {{"A", "1"}});
        huge.replace(10, 4, "\xff\xff\xff\xff"); // the value's size
        CPPUNIT_ASSERT_EQUAL(malformed, parse(huge));
        std::string name = makeReply(200, {{"A", "1"}});
        name.replace(8, 2, "\xff\xff");
        CPPUNIT_ASSERT_EQUAL(malformed, parse(name));
    }

    void limitsTheHead()
    {
        const std::string tooLarge = "error response head is too large";
        // Fixed parts: status, count; nameSize, valueSize, "A".
        const std::size_t room = ipc::kMaxReplyHead - 4 - 6 - 1;
        CPPUNIT_ASSERT_EQUAL("200 A:" + std::string(room, 'v') + "|;",
                             parse(makeReply(200, {{"A", std::string(room, 'v')}})));
        Run run;
        CPPUNIT_ASSERT_EQUAL(tooLarge,
                             run.text(makeReply(200, {{"A", std::string(room + 1, 'v')}}), {8}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, run.arena.held()); // refused before memory was taken
        CPPUNIT_ASSERT_EQUAL(tooLarge, parse(makeReply(200, {}, 8000, 1025)));
        CPPUNIT_ASSERT_EQUAL(tooLarge, parse("\xff\xff\xff\xff\xc8" + std::string(3, '\0')));
    }

    // Whatever one flips, the parser ends in a state that is safe to send (I1).
    void survivesCorruption()
    {
        const std::string good = makeReply(200, {{"Content-Type", "text/plain"},
                                                 {"Content-Length", "4"},
                                                 {"Status", "201 Created"},
                                                 {"X-Long", std::string(90, 'x')}}) +
                                 "body";
        std::mt19937 random(7);
        int accepted = 0;
        for (int round = 0; round < 50000; round++) {
            std::string bad = good;
            for (unsigned n = 1 + random() % 4; n > 0; n--) {
                bad[random() % bad.size()] = static_cast<char>(random());
            }
            if (random() % 8 == 0) {
                bad.resize(random() % bad.size());
            }
            Run run;
            if (run.text(bad, {1 + random() % 40}).find(';') == std::string::npos) {
                continue;
            }
            accepted++;
            const Response &response = run.parser.response();
            CPPUNIT_ASSERT(response.status >= 100 && response.status <= 999);
            for (const Field &field : response.fields) {
                CPPUNIT_ASSERT(!field.name.empty());
                CPPUNIT_ASSERT(field.name.find_first_of("\r\n: ") == std::string_view::npos);
                CPPUNIT_ASSERT(field.value.find_first_of(std::string_view("\r\n\0", 3)) ==
                               std::string_view::npos);
            }
        }
        CPPUNIT_ASSERT(accepted > 100); // the loop above was reached
    }

    void isReusable()
    {
        Run run;
        run.text(makeReply(200, {{"Date", "x"}, {"A\n", ""}, {"Content-Length", "1"}}), {50});
        run.arena.reset();
        run.parser.reset(run.arena);
        CPPUNIT_ASSERT_EQUAL(std::string("204 B:2|;"), run.text(makeReply(204, {{"B", "2"}}), {3}));
        CPPUNIT_ASSERT(!run.parser.response().hasDate && !run.parser.response().contentLength);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, run.parser.unsafeFields());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReplyParserTest);

} // namespace patchbay::http::test
