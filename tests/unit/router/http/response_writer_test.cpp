// Responses as they go out (app-interfaces.md 1.2 and 1.3, traps H12, H15, H16, H18, H19, H22,
// H27-H29).
#include "router/http/response_writer.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

namespace patchbay::http::test {
namespace {

constexpr std::string_view kDate = "Mon, 23 Nov 2026 06:40:00 GMT";

ResponseContext context(unsigned minor = 1, bool keepAlive = true, bool head = false)
{
    return {head, minor, keepAlive, "Patchbay/0.1.0", kDate};
}

// Status line and fields without CRLF: "HTTP/1.1 200 OK|A: 1|...".
std::string writeHead(const Response &response, const ResponseContext &ctx,
                      std::optional<std::uint64_t> wholeBody = std::nullopt)
{
    ResponsePlan plan = planResponse(response, ctx, wholeBody);
    const std::size_t bound = responseHeadBound(response, ctx);
    std::vector<char> out(bound);
    char *end = writeResponseHead(out.data(), response, plan, ctx);
    CPPUNIT_ASSERT(end <= out.data() + bound);
    std::string text(out.data(), end);
    CPPUNIT_ASSERT(text.ends_with("\r\n\r\n"));
    text.resize(text.size() - 4);
    for (std::size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;) {
        text.replace(at, 2, "|");
    }
    return text;
}

const std::string kOurs = "Server: Patchbay/0.1.0|Date: " + std::string(kDate);

Response lengthResponse(unsigned status, const std::vector<Field> &fields)
{
    return {status, fields, 12, false};
}

} // namespace

class ResponseWriterTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ResponseWriterTest);
    CPPUNIT_TEST(knowsThePhrases);
    CPPUNIT_TEST(writesStatusLines);
    CPPUNIT_TEST(ordersFields);
    CPPUNIT_TEST(leavesDateToTheApplication);
    CPPUNIT_TEST(decidesFraming);
    CPPUNIT_TEST(sendsNoBodyWhereNoneMayBe);
    CPPUNIT_TEST(decidesKeepAlive);
    CPPUNIT_TEST(holdsTheBodyToItsLength);
    CPPUNIT_TEST(framesChunks);
    CPPUNIT_TEST(writesErrorPages);
    CPPUNIT_TEST(writesRetryAfter);
    CPPUNIT_TEST(writesIdleTimeout);
    CPPUNIT_TEST(writesDates);
    CPPUNIT_TEST_SUITE_END();

public:
    void knowsThePhrases() // H29
    {
        const std::pair<unsigned, const char *> rows[] = {{200, "OK"},
                                                          {206, "Partial Content"},
                                                          {226, "IM Used"},
                                                          {304, "Not Modified"},
                                                          {305, "Use Proxy"},
                                                          {306, "(Unused)"},
                                                          {307, "Temporary Redirect"},
                                                          {308, "Permanent Redirect"},
                                                          {404, "Not Found"},
                                                          {408, "Request Timeout"},
                                                          {413, "Content Too Large"},
                                                          {429, "Too Many Requests"},
                                                          {431, "Request Header Fields Too Large"},
                                                          {451, "Unavailable For Legal Reasons"},
                                                          {503, "Service Unavailable"},
                                                          {505, "HTTP Version Not Supported"},
                                                          {511, "Network Authentication Required"},
                                                          {100, "Continue"},
                                                          {0, ""},
                                                          {99, ""},
                                                          {299, ""},
                                                          {430, ""},
                                                          {512, ""},
                                                          {999, ""}};
        for (const auto &[status, phrase] : rows) {
            CPPUNIT_ASSERT_EQUAL(std::string(phrase), std::string(reasonPhrase(status)));
        }
    }

    void writesStatusLines()
    {
        auto line = [](unsigned status) {
            std::string text = writeHead({status, {}, {}, false}, context());
            return text.substr(0, text.find('|'));
        };
        CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.1 200 OK"), line(200));
        CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.1 308 Permanent Redirect"), line(308));
        CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.1 299 "), line(299)); // the space stays
        CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.1 999 "), line(999));
    }

    void ordersFields()
    {
        const std::vector<Field> fields = {{"B", "1"}, {"Content-Length", "12"}, {"A", ""}};
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 200 OK|B: 1|Content-Length: 12|A: |" + kOurs,
                             writeHead(lengthResponse(200, fields), context()));
        const std::vector<Field> one = {{"B", "1"}};
        const Response plain{200, one, {}, false};
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 200 OK|B: 1|" + kOurs + "|Transfer-Encoding: chunked",
                             writeHead(plain, context()));
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 200 OK|B: 1|" + kOurs +
                                 "|Connection: close|Transfer-Encoding: chunked",
                             writeHead(plain, context(1, false)));
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 200 OK|B: 1|" + kOurs +
                                 "|Content-Length: 7|Connection: close",
                             writeHead(plain, context(1, false), 7));
    }

    void leavesDateToTheApplication()
    {
        const std::vector<Field> fields = {{"Date", "mine"}};
        CPPUNIT_ASSERT_EQUAL(
            std::string("HTTP/1.1 200 OK|Date: mine|Server: Patchbay/0.1.0|Content-Length: 0"),
            writeHead({200, fields, {}, true}, context(), 0));
    }

    void decidesFraming()
    {
        const Response open{200, {}, {}, false};
        const Response sized{200, {}, 12, false};
        CPPUNIT_ASSERT(planResponse(open, context(), {}).framing == Framing::chunked);
        CPPUNIT_ASSERT(planResponse(open, context(0), {}).framing == Framing::close);
        for (unsigned minor : {0U, 1U}) {
            ResponsePlan own = planResponse(open, context(minor), 7);
            CPPUNIT_ASSERT(own.framing == Framing::length && own.ownLength && own.length == 7);
            // The application's own length wins over what we saw; BodyFramer compares them.
            ResponsePlan theirs = planResponse(sized, context(minor), 7);
            CPPUNIT_ASSERT(theirs.framing == Framing::length && !theirs.ownLength);
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{12}, theirs.length);
        }
    }

    void sendsNoBodyWhereNoneMayBe() // H15, H28
    {
        const std::vector<Field> fields = {{"A", "1"}, {"content-length", "12"}};
        for (unsigned status : {204U, 304U}) {
            const Response response = lengthResponse(status, fields);
            CPPUNIT_ASSERT_EQUAL("HTTP/1.1 " + std::to_string(status) + " " +
                                     std::string(reasonPhrase(status)) + "|A: 1|" + kOurs,
                                 writeHead(response, context(), 9));
            ResponsePlan plan = planResponse(response, context(0), {});
            CPPUNIT_ASSERT(plan.framing == Framing::none && plan.keepAlive);
        }
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 103 Early Hints|A: 1|" + kOurs + "|Connection: close",
                             writeHead(lengthResponse(103, fields), context()));
        // HEAD: what a GET would say, as far as the application said it.
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 200 OK|A: 1|content-length: 12|" + kOurs,
                             writeHead(lengthResponse(200, fields), context(1, true, true)));
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 200 OK|" + kOurs,
                             writeHead({200, {}, {}, false}, context(1, true, true), 0));
        BodyFramer framer;
        framer.start(planResponse(lengthResponse(200, fields), context(1, true, true), {}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, framer.accept(12));
        CPPUNIT_ASSERT(framer.complete() && !framer.chunked() && !framer.wantsMore());
    }

    void decidesKeepAlive()
    {
        const Response open{200, {}, {}, false};
        const Response sized{200, {}, 12, false};
        const Response empty{304, {}, {}, false};
        CPPUNIT_ASSERT(planResponse(open, context(1), {}).keepAlive);
        CPPUNIT_ASSERT(!planResponse(open, context(1, false), {}).keepAlive);
        // H27: 1.0 asked for it, but only the end of the connection can end this body.
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 200 OK|" + kOurs + "|Connection: close",
                             writeHead(open, context(0)));
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 200 OK|" + kOurs +
                                 "|Content-Length: 3|Connection: keep-alive",
                             writeHead(open, context(0), 3));
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 200 OK|" + kOurs + "|Connection: keep-alive",
                             writeHead(sized, context(0)));
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 304 Not Modified|" + kOurs + "|Connection: keep-alive",
                             writeHead(empty, context(0)));
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 200 OK|" + kOurs + "|Connection: close",
                             writeHead(sized, context(0, false)));
    }

    void holdsTheBodyToItsLength()
    {
        BodyFramer framer;
        framer.start({Framing::length, 10, false, true, false});
        CPPUNIT_ASSERT(!framer.complete()); // H18
        CPPUNIT_ASSERT_EQUAL(std::size_t{6}, framer.accept(6));
        CPPUNIT_ASSERT(!framer.complete() && framer.wantsMore());
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, framer.accept(6)); // H19
        CPPUNIT_ASSERT(framer.complete() && !framer.wantsMore());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, framer.accept(1));
        framer.start({Framing::length, 0, false, true, false});
        CPPUNIT_ASSERT(framer.complete() && !framer.wantsMore());
        framer.start({Framing::close, 0, false, false, false});
        CPPUNIT_ASSERT_EQUAL(std::size_t{1} << 40, framer.accept(std::size_t{1} << 40));
        CPPUNIT_ASSERT(framer.complete() && framer.wantsMore());
    }

    void framesChunks()
    {
        BodyFramer framer;
        framer.start({Framing::chunked, 0, false, true, false});
        CPPUNIT_ASSERT(framer.chunked() && framer.complete());
        CPPUNIT_ASSERT_EQUAL(std::size_t{6}, framer.accept(6));
        auto head = [](std::size_t n) {
            char out[BodyFramer::kMaxChunkHead];
            return std::string(out, BodyFramer::writeChunkHead(out, n));
        };
        CPPUNIT_ASSERT_EQUAL(std::string("6\r\n"), head(6));
        CPPUNIT_ASSERT_EQUAL(std::string("10000\r\n"), head(65536));
        CPPUNIT_ASSERT_EQUAL(std::string("ffffffffffffffff\r\n"), head(SIZE_MAX));
        CPPUNIT_ASSERT_EQUAL(std::string(kChunkEnd) + std::string(kLastChunk),
                             std::string(kChunkEndAndLast));
    }

    void writesErrorPages()
    {
        char out[kErrorPageBound + 20];
        auto page = [&out](unsigned status, const ResponseContext &ctx) {
            return std::string(out, writeErrorPage(out, status, ctx));
        };
        const std::string head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\n"
                                 "Server: Patchbay/0.1.0\r\nDate: " +
                                 std::string(kDate) + "\r\nContent-Length: 54\r\n";
        const std::string body = "<!DOCTYPE html><title>Error 503</title><p>Error 503.\r\n";
        CPPUNIT_ASSERT_EQUAL(std::size_t{54}, body.size());
        CPPUNIT_ASSERT_EQUAL(head + "Connection: close\r\n\r\n" + body,
                             page(503, context(1, false)));
        CPPUNIT_ASSERT_EQUAL(head + "\r\n" + body, page(503, context()));
        CPPUNIT_ASSERT_EQUAL(head + "Connection: keep-alive\r\n\r\n" + body, page(503, context(0)));
        CPPUNIT_ASSERT_EQUAL(head + "\r\n", page(503, context(1, true, true)));
        CPPUNIT_ASSERT(page(431, context(1, false))
                           .starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
    }

    void writesRetryAfter()
    {
        char out[kErrorPageBound + 20];
        std::string page(out, writeErrorPage(out, 503, context(), 1));
        CPPUNIT_ASSERT(page.find("\r\nRetry-After: 1\r\nServer: ") != std::string::npos);
    }

    void writesIdleTimeout()
    {
        char out[kErrorPageBound + 20];
        CPPUNIT_ASSERT_EQUAL("HTTP/1.1 408 Request Timeout\r\nServer: Patchbay\r\n"
                             "Connection: close\r\nContent-Length: 0\r\nDate: " +
                                 std::string(kDate) + "\r\n\r\n",
                             std::string(out, writeIdleTimeout(out, "Patchbay", kDate)));
    }

    void writesDates()
    {
        DateCache cache;
        CPPUNIT_ASSERT_EQUAL(std::string("Thu, 01 Jan 1970 00:00:00 GMT"),
                             std::string(cache.get(0)));
        CPPUNIT_ASSERT_EQUAL(std::string("Sun, 06 Nov 1994 08:49:37 GMT"),
                             std::string(cache.get(784111777)));
        const char *before = cache.get(784111777).data();
        CPPUNIT_ASSERT(before == cache.get(784111777).data());
        CPPUNIT_ASSERT_EQUAL(std::string("Thu, 29 Feb 2024 23:59:59 GMT"),
                             std::string(cache.get(1709251199)));
        CPPUNIT_ASSERT_EQUAL(std::string("Fri, 31 Dec 9999 23:59:59 GMT"),
                             std::string(cache.get(253402300799)));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ResponseWriterTest);

} // namespace patchbay::http::test
