// The environ of app-interfaces.md 2, through the real encoder and the real runtime.
#include "fixture.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using fixture::FakeRequest;
using fixture::Worker;

using Environ = std::map<std::string, std::string>; // name -> repr

Environ show(Worker &worker, FakeRequest request, const std::string &body = {})
{
    fixture::FakeExchange exchange;
    exchange.body = body;
    const auto outcome = worker.serve(std::move(request), std::move(exchange));
    CPPUNIT_ASSERT_EQUAL(PB_OK, outcome.result);
    return fixture::parseLines(outcome.exchange.sent());
}

void expect(const Environ &environ, const char *key, const char *repr)
{
    CPPUNIT_ASSERT_MESSAGE(key, environ.count(key) == 1);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(key, std::string(repr), environ.at(key));
}

void expectAbsent(const Environ &environ, const char *key)
{
    CPPUNIT_ASSERT_MESSAGE(key, environ.count(key) == 0);
}

} // namespace

class EnvironTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(EnvironTest);
    CPPUNIT_TEST(testCaptured);
    CPPUNIT_TEST(testConstants);
    CPPUNIT_TEST(testPost);
    CPPUNIT_TEST(testUnixSocket);
    CPPUNIT_TEST(testHttpsAndOldProtocol);
    CPPUNIT_TEST(testOneRequestLeavesNothingInTheNext);
    CPPUNIT_TEST(testManyFields);
    CPPUNIT_TEST(testPrefix);
    CPPUNIT_TEST(testPrefixOfATarget);
    CPPUNIT_TEST(testDamagedMessage);
    CPPUNIT_TEST_SUITE_END();

public:
    void testCaptured()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "show")");
            FakeRequest request;
            request.target = "/a%2fb/./c/../d//e%20f?x=1&y=%20+z#frag";
            request.path = "/a/b/d/e f";
            request.query = "x=1&y=%20+z";
            request.fields = {{"Host", "localhost"}, {"X-A", "1"},
                              {"x-a", "2"},          {"Cookie", "a=1"},
                              {"Cookie", "b=2"},     {"X-Empty", ""},
                              {"X-Utf", "\xe9"},     {"Authorization", "Basic Zm9vOmJhcg=="}};
            const Environ e = show(worker, request);
            expect(e, "REQUEST_METHOD", "'GET'");
            expect(e, "REQUEST_URI", "'/a%2fb/./c/../d//e%20f?x=1&y=%20+z#frag'");
            expect(e, "PATH_INFO", "'/a/b/d/e f'");
            expect(e, "SCRIPT_NAME", "''");
            expect(e, "QUERY_STRING", "'x=1&y=%20+z'");
            expect(e, "SERVER_PROTOCOL", "'HTTP/1.1'");
            expect(e, "SERVER_NAME", "'localhost'");
            expect(e, "SERVER_PORT", "'8300'");
            expect(e, "SERVER_ADDR", "'127.0.0.1'");
            expect(e, "REMOTE_ADDR", "'127.0.0.1'");
            expect(e, "REMOTE_PORT", "'50123'");
            expectAbsent(e, "CONTENT_LENGTH");
            expectAbsent(e, "CONTENT_TYPE");
            expect(e, "HTTP_HOST", "'localhost'");
            expect(e, "HTTP_X_A", "'1, 2'");
            expect(e, "HTTP_COOKIE", "'a=1; b=2'");
            expect(e, "HTTP_X_EMPTY", "''");
            expect(e, "HTTP_X_UTF", "'\xe9'");
            expect(e, "HTTP_AUTHORIZATION", "'Basic Zm9vOmJhcg=='");
        });
    }

    void testConstants()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "show")");
            const Environ e = show(worker, FakeRequest());
            expect(e, "QUERY_STRING", "''");
            expect(e, "SERVER_SOFTWARE", "'Patchbay/0.1.0'");
            expect(e, "wsgi.version", "(1, 0)");
            expect(e, "wsgi.url_scheme", "'http'");
            expect(e, "errors is stderr", "True");
            expect(e, "wsgi.multithread", "False");
            expect(e, "wsgi.multiprocess", "True");
            expect(e, "wsgi.run_once", "False");
            expect(e, "wsgi.input_terminated", "True");
            expect(e, "wsgi.file_wrapper", "<class 'wsgiref.util.FileWrapper'>");
            expect(e, "sys.argv", "['patchbay']");
            CPPUNIT_ASSERT(e.count("wsgi.input") == 1);
            CPPUNIT_ASSERT_EQUAL_MESSAGE("only what is known", std::size_t{24}, e.size());
        });
    }

    void testPost()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "show")");
            FakeRequest request;
            request.withBody(3).contentType = "text/plain";
            request.fields.emplace_back("Content-Type", "text/plain");
            const Environ e = show(worker, request, "abc");
            expect(e, "REQUEST_METHOD", "'POST'");
            expect(e, "CONTENT_LENGTH", "'3'");
            expect(e, "CONTENT_TYPE", "'text/plain'");
            expect(e, "HTTP_CONTENT_LENGTH", "'3'");
            expect(e, "HTTP_CONTENT_TYPE", "'text/plain'");
        });
    }

    void testUnixSocket()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "show")");
            FakeRequest request;
            request.serverPort = "80";
            request.localAddress = "unix:/run/l.sock";
            request.remoteAddress = "unix:";
            request.remotePort = 0;
            const Environ e = show(worker, request);
            expect(e, "SERVER_PORT", "'80'");
            expect(e, "SERVER_ADDR", "'unix:/run/l.sock'");
            expect(e, "REMOTE_ADDR", "'unix:'");
            expectAbsent(e, "REMOTE_PORT");
        });
    }

    void testHttpsAndOldProtocol()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "show")");
            FakeRequest request;
            request.scheme = "https";
            request.flags = PB_REQUEST_HTTPS | PB_REQUEST_HTTP10;
            request.version = "HTTP/1.0";
            request.method = "OPTIONS";
            const Environ e = show(worker, request);
            expect(e, "wsgi.url_scheme", "'https'");
            expect(e, "SERVER_PROTOCOL", "'HTTP/1.0'");
            expect(e, "REQUEST_METHOD", "'OPTIONS'");
        });
    }

    // Kept strings and the prepared dict are shared between requests; their values must not be.
    void testOneRequestLeavesNothingInTheNext()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "show")");
            FakeRequest first;
            first.method = "DELETE";
            first.host = "first.example";
            first.serverName = "first.example";
            first.fields = {{"Host", "first.example"}, {"X-Own", "1"}, {"User-Agent", "one"}};
            expect(show(worker, first), "HTTP_USER_AGENT", "'one'");
            expect(show(worker, first), "HTTP_USER_AGENT", "'one'");
            FakeRequest second;
            second.fields.emplace_back("User-Agent", "two");
            second.fields.emplace_back("X-Owm", "2");
            const Environ e = show(worker, second);
            expect(e, "HTTP_USER_AGENT", "'two'");
            expect(e, "REQUEST_METHOD", "'GET'");
            expect(e, "SERVER_NAME", "'localhost'");
            expect(e, "HTTP_HOST", "'localhost'");
            expect(e, "HTTP_X_OWM", "'2'");
            expectAbsent(e, "HTTP_X_OWN");
            expectAbsent(show(worker, FakeRequest()), "HTTP_USER_AGENT");
        });
    }

    void testManyFields()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "show")");
            FakeRequest request;
            for (int i = 0; i < 2000; ++i) {
                request.fields.emplace_back("X-" + std::to_string(i), std::to_string(i));
            }
            const Environ e = show(worker, request);
            expect(e, "HTTP_X_0", "'0'");
            expect(e, "HTTP_X_1999", "'1999'");
        });
    }

    // With and without a "/" at its end the same.
    void testPrefix()
    {
        for (const char *prefix : {"/app", "/app/", "/app//"}) {
            fixture::inChild([&] {
                Worker worker(R"("module": "show", "prefix": ")" + std::string(prefix) + "\"");
                const char *table[][3] = {{"/app/x", "'/app'", "'/x'"},
                                          {"/app", "'/app'", "''"},
                                          {"/app/", "'/app'", "'/'"},
                                          {"/app//x", "'/app'", "'//x'"},
                                          {"/application", "''", "'/application'"},
                                          {"/", "''", "'/'"},
                                          {"/x/app", "''", "'/x/app'"}};
                for (const auto &[path, script, info] : table) {
                    FakeRequest request(path);
                    request.target = std::string(path) + "?q";
                    const Environ e = show(worker, request);
                    expect(e, "SCRIPT_NAME", script);
                    expect(e, "PATH_INFO", info);
                    expect(e, "REQUEST_URI", ("'" + request.target + "'").c_str());
                }
                // PATH_INFO and REQUEST_URI are one string in the message.
                const Environ e = show(worker, FakeRequest("/app/same"));
                expect(e, "PATH_INFO", "'/same'");
                expect(e, "REQUEST_URI", "'/app/same'");
            });
        }
        fixture::inChild([] {
            Worker worker(R"("module": "show", "prefix": "/")");
            const Environ e = show(worker, FakeRequest("/x"));
            expect(e, "SCRIPT_NAME", "''");
            expect(e, "PATH_INFO", "'/x'");
        });
        fixture::inChild([] { // compared as the bytes that the path decodes to
            Worker worker("\"module\": \"show\", \"prefix\": \"/\xC3\xA9\"");
            const Environ e = show(worker, FakeRequest("/\xC3\xA9/x"));
            expect(e, "SCRIPT_NAME", "'/\xC3\xA9'");
            expect(e, "PATH_INFO", "'/x'");
        });
    }

    void testPrefixOfATarget()
    {
        fixture::inChild([] {
            Worker worker(R"("targets": {"a": {"module": "show", "prefix": "/a"},
                                         "b": {"module": "show"}})");
            FakeRequest request("/a/x");
            expect(show(worker, request), "SCRIPT_NAME", "'/a'");
            request.targetIndex = 1;
            expect(show(worker, request), "SCRIPT_NAME", "''");
            expect(show(worker, request), "PATH_INFO", "'/a/x'");
        });
    }

    void testDamagedMessage()
    {
        fixture::inChild([] {
            fixture::CapturedErrors errors;
            Worker worker(R"("module": "show")");
            auto outcome = worker.serveMessage(std::vector<std::uint8_t>(100, 0xEE));
            CPPUNIT_ASSERT_EQUAL(PB_ERROR, outcome.result);
            CPPUNIT_ASSERT_EQUAL(std::uint32_t{0}, outcome.exchange.status);
            CPPUNIT_ASSERT(errors.text().find("message is damaged") != std::string::npos);
            CPPUNIT_ASSERT_EQUAL(PB_OK, worker.get("/").result);
        });
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(EnvironTest);
