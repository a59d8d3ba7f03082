// The request parser against tables: app-interfaces.md 1.1, traps H1-H4, H8-H11, H14, H23.
#include "router/http/request_cases.hpp"
#include "router/http/request_text.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace patchbay::http::test {
namespace {

using Result = RequestParser::Result;

std::string fieldList(const Request &request)
{
    std::string out;
    for (const pb_field &field : request.fields) {
        out.append(field.name.data, field.name.size).append(":");
        out.append(field.value.data, field.value.size).append("|");
    }
    return out;
}

} // namespace

class RequestParserTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RequestParserTest);
    CPPUNIT_TEST(refusesWithTheRightStatus);
    CPPUNIT_TEST(acceptsTheCorpus);
    CPPUNIT_TEST(takesThePartsApart);
    CPPUNIT_TEST(treatsAbsoluteTargets);
    CPPUNIT_TEST(decidesKeepAlive);
    CPPUNIT_TEST(decidesExpect);
    CPPUNIT_TEST(decidesFraming);
    CPPUNIT_TEST(hidesFields);
    CPPUNIT_TEST(keepsUnsafeFieldsWhenTold);
    CPPUNIT_TEST(joinsContentType);
    CPPUNIT_TEST(makesServerName);
    CPPUNIT_TEST(normalisesPaths);
    CPPUNIT_TEST(limitsLines);
    CPPUNIT_TEST(limitsTheBlock);
    CPPUNIT_TEST(refusesBeforeTheEnd);
    CPPUNIT_TEST(takesManyFields);
    CPPUNIT_TEST(stopsAtTheHeader);
    CPPUNIT_TEST(isReusable);
    CPPUNIT_TEST_SUITE_END();

    // The request between "GET / HTTP/1.1" and the empty line.
    static std::string get(const std::string &fields)
    {
        return "GET / HTTP/1.1\r\n" + fields + "\r\n";
    }
    static Request parse(ParserRun &run, const std::string &text)
    {
        Result result = run.whole(text);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(text, std::string(),
                                     result == Result::done ? std::string() : run.text(result));
        return run.parser.request();
    }
    static std::string outcome(const std::string &text, Settings settings = {})
    {
        ParserRun run(std::move(settings));
        Result result = run.whole(text);
        return result == Result::done ? "done" : run.text(result);
    }

public:
    void refusesWithTheRightStatus()
    {
        for (const BadRequest &bad : badRequests()) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(bad.name, "error " + std::to_string(bad.status),
                                         outcome(bad.text));
        }
    }

    void acceptsTheCorpus()
    {
        for (const GoodRequest &good : goodRequests()) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(good.name, std::string("done"), outcome(good.text));
        }
    }

    void takesThePartsApart()
    {
        ParserRun run;
        Request r = parse(run, "\r\nPOST   /a%2fb/./c/../d//e%20f?x=1&y=%20+z#frag   HTTP/1.1\n"
                               "Host: LocalHost:8300\r\nX-A:1\r\nx-a:\t2 \r\nX-Empty:\r\n"
                               "X-Utf: \xe9\r\nContent-Length: 3\r\n\r\nabc");
        CPPUNIT_ASSERT_EQUAL(
            std::string("method=[POST]\n"
                        "target=[/a%2fb/./c/../d//e%20f?x=1&y=%20+z#frag]\n"
                        "path=[/a/b/d/e f]\n"
                        "query=[x=1&y=%20+z]\n"
                        "version=[HTTP/1.1]\n"
                        "host=[LocalHost:8300]\n"
                        "serverName=[localhost]\n"
                        "contentType absent\n"
                        "contentLengthText=[3]\n"
                        "contentLength=[3]\n"
                        "minor=1 keepAlive\n"
                        "Host=[LocalHost:8300]\nX-A=[1]\nx-a=[2]\nX-Empty=[]\nX-Utf=[\xe9]\n"
                        "Content-Length=[3]\n"),
            describe(r));
        ParserRun later;
        Request r17 = parse(later, "GET /? HTTP/1.7\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.7"), std::string(r17.version));
        CPPUNIT_ASSERT_EQUAL(1U, r17.minorVersion);
        CPPUNIT_ASSERT(r17.query && r17.query->empty()); // empty is not absent
        CPPUNIT_ASSERT(!r17.host);
    }

    void treatsAbsoluteTargets() // H11
    {
        ParserRun run;
        Request r = parse(run, "GET http://Other:81/x?q HTTP/1.1\r\nA: 1\r\nHost: this\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(std::string("/x?q"), std::string(r.target));
        CPPUNIT_ASSERT_EQUAL(std::string("/x"), std::string(r.path));
        CPPUNIT_ASSERT_EQUAL(std::string("Other:81"), std::string(*r.host));
        CPPUNIT_ASSERT_EQUAL(std::string("other"), std::string(r.serverName));
        CPPUNIT_ASSERT_EQUAL(std::string("A:1|Host:Other:81|"), fieldList(r));
        ParserRun noHost;
        r = parse(noHost, "GET https://other?q HTTP/1.0\r\nA: 1\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(std::string("/?q"), std::string(r.target));
        CPPUNIT_ASSERT_EQUAL(std::string("/"), std::string(r.path));
        CPPUNIT_ASSERT_EQUAL(std::string("q"), std::string(*r.query));
        CPPUNIT_ASSERT_EQUAL(std::string("A:1|Host:other|"), fieldList(r));
        // A bad Host is refused even where it would be replaced.
        CPPUNIT_ASSERT_EQUAL(std::string("error 400"),
                             outcome("GET http://a/ HTTP/1.1\r\nHost: b/c\r\n\r\n"));
    }

    void decidesKeepAlive()
    {
        struct Row {
            const char *version, *connection;
            bool keep;
        };
        const Row rows[] = {{"1.1", "", true},
                            {"1.1", "close", false},
                            {"1.1", "CLOSE", false},
                            {"1.1", "x, close", false},
                            {"1.1", "close,x", false},
                            {"1.1", ",,close,,", false},
                            {"1.1", "keep-alive", true},
                            {"1.1", "closed", true},
                            {"1.1", "x close", true},
                            {"1.0", "", false},
                            {"1.0", "keep-alive", true},
                            {"1.0", "Keep-Alive", true},
                            {"1.0", "x", false},
                            {"1.0", "a,keep-alive", true},
                            {"1.0", "keep-alive, close", false},
                            {"1.9", "", true}};
        for (const Row &row : rows) {
            ParserRun run;
            Request r = parse(run, std::string("GET / HTTP/") + row.version +
                                       "\r\nConnection: " + row.connection + "\r\n\r\n");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row.connection, row.keep, r.keepAlive);
        }
    }

    void decidesExpect()
    {
        auto expects = [](const std::string &text) {
            ParserRun run;
            return parse(run, text).expectContinue;
        };
        const std::string fields = "Expect: 100-CONTINUE\r\nContent-Length: 1\r\n\r\n";
        CPPUNIT_ASSERT(expects("POST / HTTP/1.1\r\n" + fields));
        CPPUNIT_ASSERT(!expects("POST / HTTP/1.0\r\n" + fields));
        CPPUNIT_ASSERT(!expects(get("Expect: 100-continue\r\n")));
        CPPUNIT_ASSERT(!expects(get("Expect: 200-ok\r\nContent-Length: 1\r\n")));
        CPPUNIT_ASSERT(expects(get("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n")));
    }

    void decidesFraming()
    {
        ParserRun run;
        Request r = parse(run, get("Content-Length: 8388608\r\n"));
        CPPUNIT_ASSERT(r.contentLength && *r.contentLength == 8388608 && r.hasBody());
        ParserRun none;
        CPPUNIT_ASSERT(!parse(none, get("")).hasBody());
        ParserRun chunked;
        r = parse(chunked, get("Transfer-Encoding: CHUNKED\r\n"));
        CPPUNIT_ASSERT(r.chunked && r.hasBody() && !r.contentLength);
        Settings settings;
        settings.chunkedTransform = false;
        CPPUNIT_ASSERT_EQUAL(std::string("error 411"),
                             outcome(get("Transfer-Encoding: chunked\r\n"), settings));
        settings.maxBodySize = 0;
        CPPUNIT_ASSERT_EQUAL(std::string("error 413"),
                             outcome(get("Content-Length: 1\r\n"), settings));
        CPPUNIT_ASSERT_EQUAL(std::string("done"), outcome(get("Content-Length: 0\r\n"), settings));
        // What a refused request was is known, so that HEAD can be answered without a body.
        ParserRun head;
        head.whole("HEAD / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n");
        CPPUNIT_ASSERT(head.parser.request().isHead());
    }

    void hidesFields()
    {
        ParserRun run;
        Request r = parse(run, get("Proxy: http://evil\r\nproxy: http://evil\r\nA: 1\r\n" // H23
                                   "X_U: 1\r\nX.D: 2\r\nProxy-Connection: 3\r\n"
                                   "Transfer-Encoding: chunked\r\nConnection: x\r\n"));
        CPPUNIT_ASSERT_EQUAL(std::string("A:1|Proxy-Connection:3|Connection:x|"), fieldList(r));
    }

    void keepsUnsafeFieldsWhenTold()
    {
        Settings settings;
        settings.discardUnsafeFields = false;
        ParserRun run(settings);
        Request r = parse(run, get("X_U: 1\r\nX.D: 2\r\nProxy: 3\r\n!~: 4\r\n"));
        CPPUNIT_ASSERT_EQUAL(std::string("X_U:1|X.D:2|!~:4|"), fieldList(r));
        // What only looks like a known field is none.
        ParserRun like(settings);
        r = parse(like, get("Content_Length: 5\r\n"));
        CPPUNIT_ASSERT(!r.contentLength);
    }

    void joinsContentType() // H8
    {
        ParserRun run;
        Request r = parse(run, get("Content-Type: a/b\r\nCONTENT-TYPE: c/d\r\nContent-type:\r\n"));
        CPPUNIT_ASSERT_EQUAL(std::string("a/b, c/d, "), std::string(*r.contentType));
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, r.fields.size());
    }

    void makesServerName()
    {
        const char *rows[][2] = {{"", "localhost"},
                                 {":80", "localhost"},
                                 {".", "localhost"},
                                 {"A.Example", "a.example"},
                                 {"a.example.", "a.example"},
                                 {"a.example.:81", "a.example"},
                                 {"a:b", "a"},
                                 {"127.0.0.1:80", "127.0.0.1"},
                                 {"[::1]:80", "[::1]"},
                                 {"[FE80::1]", "[fe80::1]"},
                                 {"[bad", "[bad"}};
        for (auto &row : rows) {
            ParserRun run;
            Request r = parse(run, get(std::string("Host: ") + row[0] + "\r\n"));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row[0], std::string(row[1]), std::string(r.serverName));
            CPPUNIT_ASSERT_EQUAL(std::string(row[0]), std::string(*r.host));
        }
        ParserRun none;
        CPPUNIT_ASSERT_EQUAL(std::string("localhost"),
                             std::string(parse(none, get("")).serverName));
    }

    void normalisesPaths() // config.md 7.1
    {
        const char *rows[][2] = {{"/", "/"},
                                 {"/a//b", "/a/b"},
                                 {"/a/./b", "/a/b"},
                                 {"/a/x/../b", "/a/b"},
                                 {"/a/b/", "/a/b/"},
                                 {"/a/b?x", "/a/b"},
                                 {"/a/b#f", "/a/b"},
                                 {"/a/..", "/"},
                                 {"/a%2Fb", "/a/b"},
                                 {"/a%20b", "/a b"},
                                 {"/a+b", "/a+b"},
                                 {"/%C3%A9", "/\xc3\xa9"},
                                 {"/a%2520b", "/a%20b"},
                                 {"//", "/"},
                                 {"///a", "/a"},
                                 {"/.", "/"},
                                 {"/a/.", "/a/"},
                                 {"/a/b/..", "/a/"},
                                 {"/a/b/../", "/a/"},
                                 {"/a/b/../..", "/"},
                                 {"/...", "/..."},
                                 {"/.a", "/.a"},
                                 {"/..a", "/..a"},
                                 {"/a.", "/a."},
                                 {"/a..", "/a.."},
                                 {"/a../b", "/a../b"},
                                 {"/a/%2e%2E/b", "/b"},
                                 {"/a%2f..%2fb", "/b"},
                                 {"/a//../b", "/b"},
                                 {"/%61", "/a"},
                                 {"/a%3fb", "/a?b"},
                                 {"/a%23b?c", "/a#b"},
                                 {"/a%0ab", "/a\nb"},
                                 {"/a?%zz%00/../..", "/a"},
                                 {"/a#%zz/../..", "/a"},
                                 {"/a?b?c", "/a"},
                                 {"/%2", nullptr},
                                 {"/%", nullptr},
                                 {"/%2?", nullptr},
                                 {"/a/%2e./%2E.", nullptr}};
        for (auto &row : rows) {
            ParserRun run;
            std::string text = std::string("GET ") + row[0] + " HTTP/1.1\r\n\r\n";
            Result result = run.whole(text);
            std::string path =
                result == Result::done ? std::string(run.parser.request().path) : run.text(result);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row[0], std::string(row[1] ? row[1] : "error 400"), path);
        }
        ParserRun queries;
        Request r = parse(queries, "GET /a?b?c#d?e HTTP/1.1\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(std::string("b?c"), std::string(*r.query));
        ParserRun fragment;
        r = parse(fragment, "GET /a#b?c HTTP/1.1\r\n\r\n");
        CPPUNIT_ASSERT(!r.query);
    }

    void limitsLines() // H14
    {
        auto line = [](std::size_t size) {
            return get("X: " + std::string(size - 3, 'v') + "\r\n");
        };
        CPPUNIT_ASSERT_EQUAL(std::string("done"), outcome(line(8192)));
        CPPUNIT_ASSERT_EQUAL(std::string("error 431"), outcome(line(8193)));
        CPPUNIT_ASSERT_EQUAL(std::string("done"), outcome(get(std::string(255, 'n') + ":\r\n")));
        CPPUNIT_ASSERT_EQUAL(std::string("error 431"),
                             outcome(get(std::string(256, 'n') + ":\r\n")));
        // A line that does not end is refused as soon as it cannot become short enough.
        const std::string open = "GET / HTTP/1.1\r\nX: ";
        CPPUNIT_ASSERT_EQUAL(std::string("needMore"), outcome(open + std::string(8192 - 3, 'v')));
        CPPUNIT_ASSERT_EQUAL(std::string("needMore"),
                             outcome(open + std::string(8192 - 3, 'v') + "\r"));
        CPPUNIT_ASSERT_EQUAL(std::string("error 431"), outcome(open + std::string(8192, 'v')));
        Settings small;
        small.largeHeaderBufferSize = 20;
        CPPUNIT_ASSERT_EQUAL(std::string("done"), outcome("GET /23456 HTTP/1.1\r\n\r\n", small));
        CPPUNIT_ASSERT_EQUAL(std::string("error 431"),
                             outcome("GET /2345678 HTTP/1.1\r\n\r\n", small));
    }

    void limitsTheBlock() // H14
    {
        const std::size_t limit = Settings().headerBlockLimit();
        auto block = [](std::size_t size) {
            std::string text = "GET / HTTP/1.1\r\n";
            while (size - text.size() > 4000) {
                text += "X: " + std::string(2000, 'v') + "\r\n";
            }
            text += "Y: " + std::string(size - text.size() - 3 - 4, 'w') + "\r\n\r\n";
            CPPUNIT_ASSERT_EQUAL(size, text.size());
            return text;
        };
        CPPUNIT_ASSERT_EQUAL(std::string("done"), outcome(block(limit)));
        CPPUNIT_ASSERT_EQUAL(std::string("done"), outcome(block(limit) + std::string(9000, 'b')));
        CPPUNIT_ASSERT_EQUAL(std::string("error 431"), outcome(block(limit + 1)));
        std::string lines;
        while (lines.size() <= limit) {
            lines += "\r\n";
        }
        CPPUNIT_ASSERT_EQUAL(std::string("error 431"), outcome(lines));
    }

    void refusesBeforeTheEnd()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("error 400"), outcome("get /\r\n"));
        CPPUNIT_ASSERT_EQUAL(std::string("error 400"), outcome("GET / HTTP/1.1\r\nHost : a\r\n"));
        CPPUNIT_ASSERT_EQUAL(std::string("needMore"), outcome("GET / HTTP/1.1\r\nHost : a"));
        CPPUNIT_ASSERT_EQUAL(std::string("needMore"), outcome(""));
        CPPUNIT_ASSERT_EQUAL(std::string("needMore"), outcome("\r\n\r\n"));
    }

    void takesManyFields()
    {
        std::string fields;
        for (int i = 0; i < 1000; i++) {
            fields += "N" + std::to_string(i) + ": " + std::to_string(i * 7) + "\r\n";
        }
        ParserRun run;
        Request r = parse(run, get(fields));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, r.fields.size());
        for (std::size_t i = 0; i < 1000; i++) {
            const pb_field &field = r.fields[i];
            CPPUNIT_ASSERT_EQUAL("N" + std::to_string(i),
                                 std::string(field.name.data, field.name.size));
            CPPUNIT_ASSERT_EQUAL(std::to_string(i * 7),
                                 std::string(field.value.data, field.value.size));
        }
    }

    void stopsAtTheHeader()
    {
        ParserRun run;
        const std::string header = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        CPPUNIT_ASSERT(run.whole(header + "get nonsense\r\n : \r\n") == Result::done);
        CPPUNIT_ASSERT_EQUAL(header.size(), run.parser.headerSize());
    }

    void isReusable()
    {
        ParserRun run;
        for (const GoodRequest &good : goodRequests()) {
            ParserRun fresh;
            const std::string expected = fresh.text(fresh.whole(good.text));
            run.whole("POST http://a/%41 HTTP/1.1\r\nHost: b\r\nConnection: close\r\n"
                      "Content-Type: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
            run.arena.reset();
            run.parser.reset(run.settings, run.arena);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(good.name, expected, run.text(run.whole(good.text)));
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RequestParserTest);

} // namespace patchbay::http::test
