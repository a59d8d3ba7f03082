// What an encoder module gets to see of a request.
#include "router/http/encoder_input.hpp"
#include "router/http/request_text.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace patchbay::http::test {

class EncoderInputTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(EncoderInputTest);
    CPPUNIT_TEST(fillsEverything);
    CPPUNIT_TEST(tellsAbsentFromEmpty);
    CPPUNIT_TEST(declaresTheLengthOfChunkedBodies);
    CPPUNIT_TEST(choosesThePortOfUnixSockets);
    CPPUNIT_TEST_SUITE_END();

    static std::string text(const pb_str &str)
    {
        return str.data == nullptr ? "(absent)" : std::string(str.data, str.size);
    }
    static pb_request make(ParserRun &run, const std::string &request, const ConnectionFacts &facts,
                           std::uint64_t bodySize = 0)
    {
        CPPUNIT_ASSERT(run.whole(request) == RequestParser::Result::done);
        return makeEncoderInput(run.parser.request(), facts, 77, 3, bodySize, run.arena);
    }

public:
    void fillsEverything()
    {
        ParserRun run;
        const ConnectionFacts facts{false, "8300", "127.0.0.1", "10.1.2.3", 8300, 40000};
        pb_request r = make(run,
                            "POST /%61?q=1 HTTP/1.0\r\nHost: A.b:1\r\nContent-Type: t/x\r\n"
                            "Content-Length: 3\r\n\r\nabc",
                            facts, 3);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{sizeof(pb_request)}, r.struct_size);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_REQUEST_HTTP10 | PB_REQUEST_HAS_BODY}, r.flags);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{77}, r.exchange_id);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{3}, r.engine);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{0}, r.target_index);
        CPPUNIT_ASSERT_EQUAL(std::string("POST"), text(r.method));
        CPPUNIT_ASSERT_EQUAL(std::string("/%61?q=1"), text(r.target));
        CPPUNIT_ASSERT_EQUAL(std::string("/a"), text(r.path));
        CPPUNIT_ASSERT_EQUAL(std::string("q=1"), text(r.query));
        CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.0"), text(r.version));
        CPPUNIT_ASSERT_EQUAL(std::string("http"), text(r.scheme));
        CPPUNIT_ASSERT_EQUAL(std::string("A.b:1"), text(r.host));
        CPPUNIT_ASSERT_EQUAL(std::string("a.b"), text(r.server_name));
        CPPUNIT_ASSERT_EQUAL(std::string("8300"), text(r.server_port));
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1"), text(r.local_address));
        CPPUNIT_ASSERT_EQUAL(std::string("10.1.2.3"), text(r.remote_address));
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{8300}, r.local_port);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{40000}, r.remote_port);
        CPPUNIT_ASSERT_EQUAL(std::string("t/x"), text(r.content_type));
        CPPUNIT_ASSERT_EQUAL(std::string("3"), text(r.content_length_text));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, r.content_length);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, r.field_count);
        CPPUNIT_ASSERT_EQUAL(std::string("Content-Length"), text(r.fields[2].name));
    }

    void tellsAbsentFromEmpty()
    {
        ParserRun bare;
        pb_request r = make(bare, "GET / HTTP/1.1\r\n\r\n", {});
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{0}, r.flags);
        for (const pb_str *absent : {&r.query, &r.host, &r.content_type, &r.content_length_text}) {
            CPPUNIT_ASSERT(absent->data == nullptr);
        }
        CPPUNIT_ASSERT_EQUAL(std::string("localhost"), text(r.server_name));
        ParserRun empty;
        r = make(empty, "GET /? HTTP/1.1\r\nHost:\r\nContent-Type:\r\n\r\n", {});
        for (const pb_str *there : {&r.query, &r.host, &r.content_type}) {
            CPPUNIT_ASSERT(there->data != nullptr && there->size == 0);
        }
        ParserRun zero;
        r = make(zero, "GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", {});
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_REQUEST_HAS_BODY}, r.flags);
    }

    void declaresTheLengthOfChunkedBodies()
    {
        ParserRun run;
        pb_request r =
            make(run, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nA: 1\r\n\r\n", {}, 12345);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_REQUEST_CHUNKED | PB_REQUEST_HAS_BODY}, r.flags);
        CPPUNIT_ASSERT_EQUAL(std::string("12345"), text(r.content_length_text));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{12345}, r.content_length);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, r.field_count);
        CPPUNIT_ASSERT_EQUAL(std::string("A"), text(r.fields[0].name));
        CPPUNIT_ASSERT_EQUAL(std::string("Content-Length"), text(r.fields[1].name));
        CPPUNIT_ASSERT_EQUAL(std::string("12345"), text(r.fields[1].value));
    }

    void choosesThePortOfUnixSockets()
    {
        ConnectionFacts facts;
        facts.localAddress = "unix:/run/a.sock";
        ParserRun plain;
        pb_request r = make(plain, "GET / HTTP/1.1\r\n\r\n", facts);
        CPPUNIT_ASSERT_EQUAL(std::string("80"), text(r.server_port));
        facts.https = true;
        ParserRun secure;
        r = make(secure, "GET / HTTP/1.1\r\n\r\n", facts);
        CPPUNIT_ASSERT_EQUAL(std::string("443"), text(r.server_port));
        CPPUNIT_ASSERT_EQUAL(std::string("https"), text(r.scheme));
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_REQUEST_HTTPS}, r.flags);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EncoderInputTest);

} // namespace patchbay::http::test
