// Request bodies: Content-Length and chunked, whole and in pieces (traps H5-H7, H13).
#include "router/http/body_reader.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>

namespace patchbay::http::test {
namespace {

using Result = BodyReader::Result;

// Feeds text in pieces of `step` bytes, each in memory of just its size. "done:BODY|REST",
// "error N", or "needMore:BODY".
std::string run(BodyReader &reader, const std::string &text, std::size_t step)
{
    std::string body;
    auto sink = [&body](std::string_view part) {
        CPPUNIT_ASSERT(!part.empty());
        body.append(part);
    };
    Result result = reader.feed("", 0, sink).result;
    std::size_t position = 0;
    while (result == Result::needMore && position < text.size()) {
        std::size_t size = std::min(step, text.size() - position);
        auto piece = std::make_unique<char[]>(size);
        std::copy_n(text.data() + position, size, piece.get());
        BodyReader::Outcome outcome = reader.feed(piece.get(), size, sink);
        CPPUNIT_ASSERT(outcome.consumed <= size);
        CPPUNIT_ASSERT(outcome.result != Result::needMore || outcome.consumed == size);
        position += outcome.consumed;
        result = outcome.result;
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{body.size()}, reader.received());
    if (result == Result::error) {
        return "error " + std::to_string(reader.status());
    }
    return result == Result::done ? "done:" + body + "|" + text.substr(position)
                                  : "needMore:" + body;
}

std::string chunked(const std::string &text, std::size_t step, const Settings &settings = {})
{
    BodyReader reader;
    reader.startChunked(settings);
    return run(reader, text, step);
}

// The same in every size of piece.
void check(const std::string &expected, const std::string &text, const Settings &settings = {})
{
    for (std::size_t step :
         {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, text.size() + 1}) {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(text, expected, chunked(text, step, settings));
    }
}

} // namespace

class BodyReaderTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BodyReaderTest);
    CPPUNIT_TEST(readsByLength);
    CPPUNIT_TEST(readsNothing);
    CPPUNIT_TEST(readsChunks);
    CPPUNIT_TEST(dropsExtensions);
    CPPUNIT_TEST(dropsTrailers);
    CPPUNIT_TEST(refusesBadSizes);
    CPPUNIT_TEST(refusesBadLineEnds);
    CPPUNIT_TEST(refusesBadExtensions);
    CPPUNIT_TEST(refusesBadTrailers);
    CPPUNIT_TEST(neverEndsTooSoon);
    CPPUNIT_TEST(limitsTheBody);
    CPPUNIT_TEST(limitsOverhead);
    CPPUNIT_TEST(staysInError);
    CPPUNIT_TEST_SUITE_END();

public:
    void readsByLength()
    {
        for (std::size_t step = 1; step < 12; step++) {
            BodyReader reader;
            reader.startLength(5);
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, reader.remaining());
            CPPUNIT_ASSERT_EQUAL(std::string("done:hello|GET /"), run(reader, "helloGET /", step));
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, reader.remaining());
        }
        BodyReader reader;
        reader.startLength(6);
        CPPUNIT_ASSERT_EQUAL(std::string("needMore:hello"), run(reader, "hello", 2));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, reader.remaining());
    }

    void readsNothing()
    {
        BodyReader reader;
        reader.startLength(0);
        CPPUNIT_ASSERT_EQUAL(std::string("done:|GET /"), run(reader, "GET /", 9));
    }

    void readsChunks()
    {
        check("done:|", "0\r\n\r\n");
        check("done:|GET /", "0\r\n\r\nGET /");
        check("done:hello|", "5\r\nhello\r\n0\r\n\r\n");
        check("done:hello world!|X", "5\r\nhello\r\n7\r\n world!\r\n0\r\n\r\nX");
        check("done:0123456789abcdef|", "10\r\n0123456789abcdef\r\n000\r\n\r\n");
        check("done:" + std::string(0xaB, 'x') + "|",
              "aB\r\n" + std::string(0xaB, 'x') + "\r\n0\r\n\r\n");
        check("done:hello|", "0000000000000005\r\nhello\r\n0\r\n\r\n");
        check("done:\r\n0\r\n\r\n|", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n");
    }

    void dropsExtensions()
    {
        check("done:hello|", "5;a=b\r\nhello\r\n0;x\r\n\r\n");
        check("done:hello|", "5 \t;a = \"b;c\";\xe9\r\nhello\r\n0;\r\n\r\n");
    }

    void dropsTrailers() // H7
    {
        check("done:hello|GET", "5\r\nhello\r\n0\r\nX: 1\r\nContent-Length: 9\r\n\r\nGET");
        check("done:|", "0\r\nX:\r\n\r\n");
        check("done:|", "0;e\r\nX: a\tb \xe9\r\nTransfer-Encoding: x\r\n\r\n");
    }

    void refusesBadSizes() // H5
    {
        for (const char *size : {"0x5", "+5", "-5", "", " 5", "\t5", "g", "5g", "5 5", "5 ", "5\t",
                                 "00000000000000005", "12345678901234567", "5,", "\"5\"", "5\v"}) {
            check("error 400", std::string(size) + "\r\nhello\r\n0\r\n\r\n");
        }
        check("error 400", "5" + std::string(1, '\0') + "\r\nhello\r\n0\r\n\r\n");
    }

    void refusesBadLineEnds() // H5
    {
        for (const char *text :
             {"5\nhello\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n",
              "5\r\nhello0\r\n\r\n", "5\r\nhello\r0\r\n\r\n", "5\r\nhello!\r\n0\r\n\r\n",
              "5\r\nhello\r\n\r\n0\r\n\r\n", "5\r\nhello\r\n0\n\r\n", "5\r\nhello\r\n0\r\n\n",
              "5\r\nhello\r\n0\r\n\rX", "\r\n5\r\nhello\r\n0\r\n\r\n", "5;a\nhello\r\n0\r\n\r\n",
              "5;a\r\r\nhello\r\n0\r\n\r\n"}) {
            check("error 400", text);
        }
    }

    void refusesBadExtensions()
    {
        check("error 400", "5;a\x01\r\nhello\r\n0\r\n\r\n");
        check("error 400", "5 a\r\nhello\r\n0\r\n\r\n");
        check("error 400", "5;" + std::string(1, '\0') + "\r\nhello\r\n0\r\n\r\n");
    }

    void refusesBadTrailers()
    {
        for (const char *trailer :
             {"X\r\n", ": a\r\n", " X: a\r\n", "X : a\r\n", "X: a\n", "X: a\rb\r\n", "X: a\x02\r\n",
              "GET / HTTP/1.1\r\n", "\tX: 1\r\n"}) {
            check("error 400", std::string("0\r\n") + trailer + "\r\n");
        }
    }

    void neverEndsTooSoon() // H6
    {
        const std::string text = "5\r\nhello\r\n3;x\r\nabc\r\n0\r\nX: 1\r\n\r\n";
        for (std::size_t size = 0; size < text.size(); size++) {
            const std::string cut = text.substr(0, size);
            CPPUNIT_ASSERT_MESSAGE(cut, chunked(cut, 4).starts_with("needMore:"));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("done:helloabc|"), chunked(text, 4));
    }

    void limitsTheBody()
    {
        Settings settings;
        settings.maxBodySize = 8;
        check("done:helloabc|", "5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n", settings);
        check("error 413", "9\r\n", settings);
        check("error 413", "5\r\nhello\r\n4\r\n", settings);
        check("error 413", "5\r\nhello\r\nFFFFFFFFFFFFFFFF\r\n", settings);
        check("error 413", "5\r\nhello\r\nFFFFFFFFFFFFFFFB\r\n", settings);
    }

    void limitsOverhead()
    {
        const std::size_t limit = Settings().headerBlockLimit();
        const std::string end = "\r\n\r\n";
        // ';' and what follows; name, ':', value and CR of a trailer.
        CPPUNIT_ASSERT_EQUAL(std::string("done:|"),
                             chunked("0;" + std::string(limit - 1, 'e') + end, 1000));
        CPPUNIT_ASSERT_EQUAL(std::string("error 400"),
                             chunked("0;" + std::string(limit, 'e') + end, 1000));
        CPPUNIT_ASSERT_EQUAL(std::string("done:|"),
                             chunked("0\r\nX:" + std::string(limit - 3, 't') + end, 1000));
        CPPUNIT_ASSERT_EQUAL(std::string("error 431"),
                             chunked("0\r\nX:" + std::string(limit - 2, 't') + end, 1000));
        // The limit is for the whole body, not for each chunk.
        std::string many;
        for (std::size_t i = 0; i * 7 <= limit; i++) { // ";234567"
            many += "1;234567\r\nx\r\n";
        }
        CPPUNIT_ASSERT_EQUAL(std::string("error 400"), chunked(many, 1000));
    }

    void staysInError()
    {
        BodyReader reader;
        reader.startChunked(Settings());
        auto sink = [](std::string_view) { CPPUNIT_FAIL("no body here"); };
        CPPUNIT_ASSERT(reader.feed("x", 1, sink).result == Result::error);
        BodyReader::Outcome outcome = reader.feed("0\r\n\r\n", 5, sink);
        CPPUNIT_ASSERT(outcome.result == Result::error);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, outcome.consumed);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BodyReaderTest);

} // namespace patchbay::http::test
