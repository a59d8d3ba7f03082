// What applications do, well or badly, and what the client gets: app-interfaces.md 2, second table.
#include "fixture.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdlib>

namespace {

using fixture::FakeExchange;
using fixture::FakeRequest;
using fixture::Outcome;
using fixture::Worker;

const char *const kApp = R"("module": "behave")";

void expectBody(Worker &worker, const char *path, std::uint32_t status, const std::string &body)
{
    const Outcome outcome = worker.get(path);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(path, PB_OK, outcome.result);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(path, status, outcome.exchange.status);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(path, body, outcome.exchange.sent());
}

bool contains(const std::string &text, const std::string &part)
{
    return text.find(part) != std::string::npos;
}

// PB_ERROR; `sent` empty: before the head. A traceback, then the line that names the request.
void expectFailure(Worker &worker, fixture::CapturedErrors &errors, const std::string &path,
                   const std::string &cause, const std::string &sent = {})
{
    const std::size_t linesBefore = worker.log().size();
    const Outcome outcome = worker.get(path);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(path, PB_ERROR, outcome.result);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(path, sent.empty(), outcome.exchange.status == 0);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(path, sent, outcome.exchange.sent());
    const std::string text = errors.text();
    CPPUNIT_ASSERT_MESSAGE(path + ": " + text, contains(text, cause));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(path, linesBefore + 1, worker.log().size());
    CPPUNIT_ASSERT_EQUAL(std::string("[error] [unit] #8: Python failed to call the application"),
                         worker.log().back());
}

} // namespace

class BehaviourTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BehaviourTest);
    CPPUNIT_TEST(testBodies);
    CPPUNIT_TEST(testWhatGoesOutTogether);
    CPPUNIT_TEST(testHead);
    CPPUNIT_TEST(testReplacedAnswer);
    CPPUNIT_TEST(testFailuresBeforeTheHead);
    CPPUNIT_TEST(testFailuresAfterTheHead);
    CPPUNIT_TEST(testRefusedHead);
    CPPUNIT_TEST(testCloseIsAlwaysCalled);
    CPPUNIT_TEST(testClientLeaves);
    CPPUNIT_TEST(testKeptObjects);
    CPPUNIT_TEST(testExtensionModulesAndFork);
    CPPUNIT_TEST(testNothingIsLeftBehind);
    CPPUNIT_TEST_SUITE_END();

public:
    void testBodies()
    {
        fixture::inChild([] {
            Worker worker(kApp);
            expectBody(worker, "/hello", 200, "hello");
            expectBody(worker, "/several", 200, "abc");
            expectBody(worker, "/a_tuple", 200, "ab");
            expectBody(worker, "/generator", 200, "chunk0chunk1chunk2");
            expectBody(worker, "/late_start", 201, "late");
            expectBody(worker, "/whole_bytes", 200, "whole");
            expectBody(worker, "/writes", 200, "w1w2r");
            expectBody(worker, "/empty_list", 200, "");
            expectBody(worker, "/iterable", 200, "xy");
            expectBody(worker, "/wrapped_file", 200, "0123456789");
            expectBody(worker, "/shorter", 200, "short");
            expectBody(worker, "/weird_status", 999, "weird");
            expectBody(worker, "/number_only", 204, "");
            expectBody(worker, "/named_arguments", 200, "named");
            CPPUNIT_ASSERT(worker.log().empty());
        });
    }

    // A list is there as a whole: head, body and end may travel as one. A generator's items are
    // sent as they come, empty ones not at all.
    void testWhatGoesOutTogether()
    {
        fixture::inChild([] {
            Worker worker(kApp);
            const auto list = worker.get("/several").exchange;
            CPPUNIT_ASSERT(list.writes == (std::vector<std::string>{"a", "b", "c"}));
            CPPUNIT_ASSERT(list.buffered == std::vector<bool>(3, true));
            const auto generator = worker.get("/generator").exchange;
            CPPUNIT_ASSERT(generator.writes ==
                           (std::vector<std::string>{"chunk0", "chunk1", "chunk2"}));
            CPPUNIT_ASSERT(generator.buffered == std::vector<bool>(3, false));
            const auto file = worker.get("/wrapped_file").exchange;
            CPPUNIT_ASSERT(file.writes == (std::vector<std::string>{"0123", "4567", "89"}));
        });
    }

    void testHead()
    {
        fixture::inChild([] {
            Worker worker(kApp);
            using Fields = std::vector<std::pair<std::string, std::string>>;
            CPPUNIT_ASSERT(worker.get("/hello").exchange.fields ==
                           (Fields{{"Content-Type", "text/plain"}, {"Content-Length", "5"}}));
            const auto bytes = worker.get("/byte_strings").exchange;
            CPPUNIT_ASSERT_EQUAL(std::uint32_t{202}, bytes.status);
            CPPUNIT_ASSERT(bytes.fields == (Fields{{"X-Bytes", "\xe9"}, {"X-Text", "\xe9"}}));
        });
    }

    void testReplacedAnswer()
    {
        fixture::inChild([] {
            Worker worker(kApp);
            const auto replaced = worker.get("/replaced").exchange;
            CPPUNIT_ASSERT_EQUAL(std::uint32_t{500}, replaced.status);
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, replaced.fields.size());
            CPPUNIT_ASSERT_EQUAL(std::string("X-Second"), replaced.fields[0].first);
            CPPUNIT_ASSERT_EQUAL(std::string("second"), replaced.sent());
        });
    }

    void testFailuresBeforeTheHead()
    {
        fixture::inChild([] {
            fixture::CapturedErrors errors;
            Worker worker(kApp);
            const std::pair<const char *, const char *> rows[] = {
                {"/raises", "RuntimeError: on purpose"},
                {"/raises_after_start", "RuntimeError: on purpose"},
                {"/returns_none", "TypeError: 'NoneType' object is not iterable"},
                {"/text_item", "TypeError: the response body must consist of bytes, not str"},
                {"/yields_text", "TypeError: the response body must consist of bytes, not str"},
                {"/returns_text", "TypeError: the response body must consist of bytes, not str"},
                {"/no_start", "AssertionError: the application sent a body before"},
                {"/no_start_generator", "AssertionError: the application sent a body before"},
                {"/no_start_empty", "AssertionError: the application did not call"},
                {"/exits", "SystemExit: 3"},
                {"/interrupted", "KeyboardInterrupt"},
                {"/status_text", "ValueError: the status must start with a number"},
                {"/status_glued", "ValueError: the status must start with a number"},
                {"/status_small", "ValueError: the status must start with a number"},
                {"/status_large", "ValueError: the status must start with a number"},
                {"/status_empty", "ValueError: the status must start with a number"},
                {"/status_number", "TypeError: the status must be str, not int"},
                {"/value_not_latin1", "outside latin-1: '\xe2\x82\xac'"},
                {"/value_number", "TypeError: a response header value must be str, not int"},
                {"/fields_tuple", "TypeError: the response headers must be a list, not tuple"},
                {"/field_list", "TypeError: a response header must be a tuple"},
                {"/field_of_three", "TypeError: a response header must be a tuple"},
                {"/first_too_long", "RuntimeError: Response content longer than Content-Length"},
                {"/first_too_long_generator", "Response content longer than Content-Length"},
                {"/length_text", "ValueError: Content-Length must be one decimal number"},
                {"/two_lengths", "ValueError: Content-Length must be one decimal number"},
                {"/second_start", "AssertionError: start_response() was called a second time"},
                {"/start_without_arguments", "TypeError: start_response() takes"},
                {"/start_with_unknown_name", "unexpected argument 'nonsense'"},
                {"/fails_first_item", "RuntimeError: on purpose"}};
            for (const auto &[path, cause] : rows) {
                expectFailure(worker, errors, path, cause);
                expectBody(worker, "/hello", 200, "hello"); // nothing sticks to the thread
            }
        });
    }

    void testFailuresAfterTheHead()
    {
        fixture::inChild([] {
            fixture::CapturedErrors errors;
            Worker worker(kApp);
            expectFailure(worker, errors, "/fails_late", "RuntimeError: on purpose", "one");
            expectFailure(worker, errors, "/text_late", "must consist of bytes, not str", "one");
            expectFailure(worker, errors, "/second_too_long", "longer than Content-Length", "four");
            expectFailure(worker, errors, "/second_too_long_generator",
                          "longer than Content-Length", "four");
            expectFailure(worker, errors, "/exc_info_late", "ValueError: the original", "one");
            expectBody(worker, "/hello", 200, "hello");
        });
    }

    void testRefusedHead()
    {
        fixture::inChild([] {
            fixture::CapturedErrors errors;
            Worker worker(kApp);
            FakeExchange exchange;
            exchange.headFault = "the value of X-A has a line break";
            const auto outcome = worker.serve(FakeRequest("/hello"), exchange);
            CPPUNIT_ASSERT_EQUAL(PB_ERROR, outcome.result);
            CPPUNIT_ASSERT(outcome.exchange.writes.empty());
            CPPUNIT_ASSERT(contains(errors.text(), "the value of X-A has a line break"));
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, worker.log().size());
        });
    }

    void testCloseIsAlwaysCalled()
    {
        fixture::inChild([] {
            fixture::CapturedErrors errors;
            Worker worker(kApp);
            worker.get("/iterable");
            worker.get("/fails_first_item");
            worker.get("/fails_late");
            worker.get("/wrapped_file");
            FakeExchange leaves;
            leaves.writesUntilGone = 2;
            worker.serve(FakeRequest("/endless"), leaves);
            // The response was complete when close() failed.
            CPPUNIT_ASSERT_EQUAL(PB_OK, worker.get("/close_fails").result);
            CPPUNIT_ASSERT(contains(errors.text(), "close failed on purpose"));
            CPPUNIT_ASSERT(contains(worker.log().back(), "failed to call the close() method"));
            expectBody(worker, "/closed", 200,
                       "iterable,fails_first_item,fails_late,wrapped_file,endless,close_fails");
        });
    }

    // Nobody is to blame: no traceback, no line.
    void testClientLeaves()
    {
        fixture::inChild([] {
            fixture::CapturedErrors errors;
            Worker worker(kApp);
            for (const char *path : {"/endless", "/endless_writes", "/hello"}) {
                FakeExchange exchange;
                exchange.writesUntilGone = *path == '/' && path[1] == 'h' ? 0 : 3;
                const auto outcome = worker.serve(FakeRequest(path), exchange);
                CPPUNIT_ASSERT_EQUAL_MESSAGE(path, PB_ERROR, outcome.result);
            }
            FakeExchange before; // gone when the head was to be sent
            before.gone = true;
            CPPUNIT_ASSERT_EQUAL(PB_ERROR, worker.serve(FakeRequest("/hello"), before).result);
            CPPUNIT_ASSERT_EQUAL(PB_ERROR, worker.serve(FakeRequest("/endless"), before).result);
            CPPUNIT_ASSERT_EQUAL(std::string(), errors.text());
            CPPUNIT_ASSERT(worker.log().empty());
        });
    }

    void testKeptObjects()
    {
        fixture::inChild([] {
            Worker worker(kApp);
            expectBody(worker, "/keep", 200, "kept");
            expectBody(worker, "/use_kept", 200, "ValueError RuntimeError RuntimeError ValueError");
            expectBody(worker, "/hello", 200, "hello");
        });
    }

    void testExtensionModulesAndFork()
    {
        fixture::inChild([] {
            Worker worker(kApp);
            expectBody(worker, "/modules", 200, "e3b0c442");
            expectBody(worker, "/forks", 200, "7");
            expectBody(worker, "/hello", 200, "hello");
        });
    }

    // Objects that a request leaves behind would add up: in the interpreter's own count of them.
    void testNothingIsLeftBehind()
    {
        fixture::inChild([] {
            setenv("PYTHONMALLOC", "pymalloc", 1); // the one that counts
            fixture::CapturedErrors errors;
            Worker worker(kApp);
            const auto round = [&] {
                for (const char *path : {"/hello",
                                         "/several",
                                         "/generator",
                                         "/whole_bytes",
                                         "/writes",
                                         "/iterable",
                                         "/byte_strings",
                                         "/replaced",
                                         "/wrapped_file",
                                         "/raises",
                                         "/returns_none",
                                         "/text_item",
                                         "/no_start",
                                         "/status_text",
                                         "/value_not_latin1",
                                         "/field_list",
                                         "/second_start",
                                         "/first_too_long",
                                         "/fails_late",
                                         "/text_late",
                                         "/exc_info_late",
                                         "/close_fails",
                                         "/start_with_unknown_name",
                                         "/keep"}) {
                    worker.get(path);
                }
                FakeExchange leaves;
                leaves.writesUntilGone = 1;
                worker.serve(FakeRequest("/endless"), leaves);
                worker.serve(FakeRequest("/endless_writes"), leaves);
                FakeExchange refused;
                refused.headFault = "no";
                worker.serve(FakeRequest("/hello"), refused);
                worker.get("/forget");
            };
            const auto blocks = [&] { return std::stol(worker.get("/blocks").exchange.sent()); };
            for (int i = 0; i < 5; ++i) {
                round();
            }
            const long before = blocks();
            for (int i = 0; i < 100; ++i) {
                round();
            }
            // Caches of the interpreter's still fill; one object per round would make 100.
            CPPUNIT_ASSERT_MESSAGE(std::to_string(blocks() - before), blocks() - before < 100);
        });
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(BehaviourTest);
