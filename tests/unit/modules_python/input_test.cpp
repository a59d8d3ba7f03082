// wsgi.input: app-interfaces.md 2.
#include "fixture.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using fixture::FakeExchange;
using fixture::FakeRequest;
using fixture::Worker;

std::string evaluate(Worker &worker, const std::string &expression, FakeExchange exchange)
{
    FakeRequest request("/");
    request.withBody(exchange.body.size()).query = expression;
    const auto outcome = worker.serve(std::move(request), std::move(exchange));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(expression, PB_OK, outcome.result);
    return outcome.exchange.sent();
}

// The same answer whatever the pieces in which the body comes.
void expect(Worker &worker, const std::string &body, const std::string &expression,
            const std::string &repr)
{
    for (const std::size_t part : {std::size_t{1}, std::size_t{3}, std::size_t{1} << 16}) {
        FakeExchange exchange;
        exchange.body = body;
        exchange.bodyPart = part;
        CPPUNIT_ASSERT_EQUAL_MESSAGE(expression, repr, evaluate(worker, expression, exchange));
    }
}

} // namespace

class InputTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(InputTest);
    CPPUNIT_TEST(testReads);
    CPPUNIT_TEST(testLines);
    CPPUNIT_TEST(testNoBody);
    CPPUNIT_TEST(testLargeBody);
    CPPUNIT_TEST(testStreamsInBoundedMemory);
    CPPUNIT_TEST(testBadArguments);
    CPPUNIT_TEST(testClientLeaves);
    CPPUNIT_TEST(testShortBody);
    CPPUNIT_TEST(testOtherThread);
    CPPUNIT_TEST(testUnreadBody);
    CPPUNIT_TEST_SUITE_END();

    static constexpr const char *kText = "ab\ncdef\ngh\nx";

public:
    void testReads()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "body")");
            expect(worker, kText, "[f.read(2), f.read(), f.read()]",
                   "[b'ab', b'\\ncdef\\ngh\\nx', b'']");
            expect(worker, kText, "[f.read(0), f.read(-1), f.read(5), f.read(None)]",
                   "[b'', b'ab\\ncdef\\ngh\\nx', b'', b'']");
            expect(worker, kText, "f.read(10**30)", "b'ab\\ncdef\\ngh\\nx'");
            expect(worker, kText, "[f.read(1) for _ in range(13)][-3:]", "[b'\\n', b'x', b'']");
        });
    }

    void testLines()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "body")");
            expect(worker, kText, "[f.readline(), f.readline(2), f.readline()]",
                   "[b'ab\\n', b'cd', b'ef\\n']");
            expect(worker, kText, "list(f)", "[b'ab\\n', b'cdef\\n', b'gh\\n', b'x']");
            expect(worker, kText, "f.readlines()", "[b'ab\\n', b'cdef\\n', b'gh\\n', b'x']");
            expect(worker, kText, "[f.readlines(4), f.readlines(0), f.readlines()]",
                   "[[b'ab\\n', b'cdef\\n'], [b'gh\\n', b'x'], []]");
            expect(worker, kText, "[f.readline(0), f.readline(-1), f.read(3), next(f)]",
                   "[b'', b'ab\\n', b'cde', b'f\\n']");
            expect(worker, kText, "[f.readlines(), f.readline(), f.read(), list(f)]",
                   "[[b'ab\\n', b'cdef\\n', b'gh\\n', b'x'], b'', b'', []]");
            expect(worker, std::string(200000, 'y') + "\nz", "[len(l) for l in f]", "[200001, 1]");
        });
    }

    void testNoBody()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "body")");
            expect(worker, "", "[f.read(), f.read(1), f.readline(), f.readlines(), list(f)]",
                   "[b'', b'', b'', [], []]");
        });
    }

    void testLargeBody()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "body")");
            FakeExchange exchange;
            for (int i = 0; i < 200'000; ++i) {
                exchange.body += std::to_string(i) + "\n";
            }
            const std::string size = std::to_string(exchange.body.size());
            CPPUNIT_ASSERT_EQUAL(size, evaluate(worker, "len(f.read())", exchange));
            CPPUNIT_ASSERT_EQUAL(std::string("19999900000"),
                                 evaluate(worker, "sum(int(line) for line in f)", exchange));
            CPPUNIT_ASSERT_EQUAL(size,
                                 evaluate(worker, "sum(map(len, parts(f, 100000)))", exchange));
            CPPUNIT_ASSERT_EQUAL(
                std::string("(b'0', b'\\n1\\n2\\n', 3)"),
                evaluate(worker, "(f.read(1), f.read(5), int(f.readline()))", exchange));
        });
    }

    // read(n) and readline() ask the core for no more than one buffer ahead.
    void testStreamsInBoundedMemory()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "body")");
            FakeExchange exchange;
            exchange.body = std::string(10'000'000, 'a');
            exchange.body[5] = '\n';
            FakeRequest request("/");
            request.withBody(exchange.body.size()).query = "len(f.read(4)) + len(f.readline())";
            const auto outcome = worker.serve(request, exchange);
            CPPUNIT_ASSERT_EQUAL(std::string("6"), outcome.exchange.sent());
            CPPUNIT_ASSERT(outcome.exchange.bodyRead <= 65536);
        });
    }

    void testBadArguments()
    {
        fixture::inChild([] {
            fixture::CapturedErrors errors;
            Worker worker(R"("module": "body")");
            for (const char *expression : {"f.read('1')", "f.read(1, 2)", "f.readline(1.5)",
                                           "f.readlines([])", "type(f)()"}) {
                FakeRequest request("/");
                request.query = expression;
                CPPUNIT_ASSERT_EQUAL_MESSAGE(expression, PB_ERROR, worker.serve(request).result);
                CPPUNIT_ASSERT(errors.text().find("TypeError") != std::string::npos);
            }
        });
    }

    void testClientLeaves()
    {
        fixture::inChild([] {
            fixture::CapturedErrors errors;
            Worker worker(R"("module": "body")");
            for (const char *expression :
                 {"f.read()", "f.readline()", "list(f)", "f.readlines()"}) {
                FakeExchange exchange;
                exchange.body = std::string(300000, 'a');
                exchange.bodyFailsAfter = 100000;
                FakeRequest request("/");
                request.withBody(exchange.body.size()).query = expression;
                CPPUNIT_ASSERT_EQUAL(PB_ERROR, worker.serve(request, exchange).result);
            }
            CPPUNIT_ASSERT_EQUAL(std::string(), errors.text());
            CPPUNIT_ASSERT(worker.log().empty());
        });
    }

    // Less than announced: the end, not a wait for more.
    void testShortBody()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "body")");
            FakeRequest request("/");
            request.withBody(100).query = "[f.read(), f.read(), f.readline()]";
            FakeExchange exchange;
            exchange.body = std::string("abc");
            CPPUNIT_ASSERT_EQUAL(std::string("[b'abc', b'', b'']"),
                                 worker.serve(request, exchange).exchange.sent());
        });
    }

    void testOtherThread()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "body", "callable": "other_thread")");
            CPPUNIT_ASSERT(worker.get("/").exchange.sent().find("only by the thread that serves") !=
                           std::string::npos);
        });
    }

    void testUnreadBody()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "body")");
            FakeExchange exchange;
            exchange.body = "first";
            CPPUNIT_ASSERT_EQUAL(std::string("1"), evaluate(worker, "1", exchange));
            CPPUNIT_ASSERT_EQUAL(std::string("b'f'"), evaluate(worker, "f.read(1)", exchange));
            exchange.body = "second";
            CPPUNIT_ASSERT_EQUAL(std::string("b'second'"), evaluate(worker, "f.read()", exchange));
        });
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(InputTest);
