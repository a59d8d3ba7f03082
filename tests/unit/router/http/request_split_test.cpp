// H13: however a request arrives, in whatever pieces and wherever the buffer lies, the parser says
// the same. Also for refused ones, and for texts made of random pieces.
#include "router/http/request_cases.hpp"
#include "router/http/request_text.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <random>

namespace patchbay::http::test {

class RequestSplitTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RequestSplitTest);
    CPPUNIT_TEST(splitAtEachByte);
    CPPUNIT_TEST(byteByByte);
    CPPUNIT_TEST(refusedByteByByte);
    CPPUNIT_TEST(randomTextInRandomPieces);
    CPPUNIT_TEST(viewsFollowTheBuffer);
    CPPUNIT_TEST_SUITE_END();

    static std::string whole(const std::string &text)
    {
        ParserRun run;
        return run.text(run.whole(text));
    }
    static std::string pieces(const std::string &text, const std::vector<std::size_t> &ends)
    {
        ParserRun run;
        return run.text(run.pieces(text, ends));
    }
    static std::vector<std::size_t> everyByte(const std::string &text)
    {
        std::vector<std::size_t> ends;
        for (std::size_t i = 1; i <= text.size(); i++) {
            ends.push_back(i);
        }
        return ends;
    }

public:
    void splitAtEachByte()
    {
        for (const GoodRequest &good : goodRequests()) {
            const std::string expected = whole(good.text);
            for (std::size_t i = 0; i <= good.text.size(); i++) {
                CPPUNIT_ASSERT_EQUAL_MESSAGE(good.name, expected,
                                             pieces(good.text, {i, good.text.size()}));
            }
        }
    }

    void byteByByte()
    {
        for (const GoodRequest &good : goodRequests()) {
            if (good.text.size() < 2000) {
                CPPUNIT_ASSERT_EQUAL_MESSAGE(good.name, whole(good.text),
                                             pieces(good.text, everyByte(good.text)));
            }
        }
    }

    void refusedByteByByte()
    {
        for (const BadRequest &bad : badRequests()) {
            if (bad.text.size() < 2000) {
                CPPUNIT_ASSERT_EQUAL_MESSAGE(bad.name, whole(bad.text),
                                             pieces(bad.text, everyByte(bad.text)));
            }
        }
    }

    void randomTextInRandomPieces()
    {
        const std::vector<std::string> parts = {"GET ",
                                                "/",
                                                "a",
                                                "..",
                                                "%2e",
                                                "%41",
                                                "?",
                                                " HTTP/1.1",
                                                " HTTP/1.0",
                                                "\r\n",
                                                "\n",
                                                "\r",
                                                "Host: a",
                                                "Content-Length: 3",
                                                "Transfer-Encoding: chunked",
                                                "X: y",
                                                ": ",
                                                "http://h",
                                                "Connection: close",
                                                " ",
                                                "\t",
                                                std::string(1, '\0'),
                                                "Content-Type: t",
                                                "\r\n\r\n"};
        std::mt19937 random(20); // the same texts in every run
        for (int round = 0; round < 20000; round++) {
            std::string text = round % 2 == 0 ? "GET / HTTP/1.1\r\n" : "";
            for (unsigned n = random() % 12; n > 0; n--) {
                text += parts[random() % parts.size()];
            }
            std::vector<std::size_t> ends;
            for (std::size_t end = 0; end < text.size();) {
                end = std::min(text.size(), end + 1 + random() % 9);
                ends.push_back(end);
            }
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, whole(text), pieces(text, ends));
        }
    }

    void viewsFollowTheBuffer()
    {
        for (const GoodRequest &good : goodRequests()) {
            ParserRun run;
            const std::size_t size = good.text.size();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(good.name, whole(good.text),
                                         run.text(run.pieces(good.text, {size, size, size})));
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RequestSplitTest);

} // namespace patchbay::http::test
