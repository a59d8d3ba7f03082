// The encoders of types "go" and "external": what they write, read back member by member.
#include "encoder_fixture.hpp"
#include "message.hpp"
#include "modules_python/fake_request.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <cstring>
#include <optional>
#include <random>
#include <string>

namespace {

using fixture::FakeRequest;
using patchbay::program::Field;
using patchbay::program::Head;
using patchbay::program::Text;
using Bytes = std::vector<std::uint8_t>;

template <class T>
T read(const Bytes &message, std::size_t offset)
{
    CPPUNIT_ASSERT(offset + sizeof(T) <= message.size());
    T value;
    std::memcpy(&value, message.data() + offset, sizeof value);
    return value;
}

std::optional<std::string> text(const Bytes &message, const Text &place)
{
    if (place.offset == 0) {
        CPPUNIT_ASSERT_EQUAL(0U, place.size);
        return std::nullopt;
    }
    CPPUNIT_ASSERT(place.offset <= message.size() && place.size <= message.size() - place.offset);
    return std::string(message.begin() + place.offset, message.begin() + place.offset + place.size);
}

void expectFields(const Bytes &message, const Head &head, const FakeRequest &request)
{
    CPPUNIT_ASSERT_EQUAL(request.fields.size(), std::size_t{head.fieldCount});
    for (std::size_t i = 0; i < request.fields.size(); ++i) {
        const Field field = read<Field>(message, head.fieldsOffset + i * head.fieldStride);
        CPPUNIT_ASSERT_EQUAL(request.fields[i].first, *text(message, field.name));
        CPPUNIT_ASSERT_EQUAL(request.fields[i].second, *text(message, field.value));
    }
}

} // namespace

class ProgramEncoderTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ProgramEncoderTest);
    CPPUNIT_TEST(testDescriptors);
    CPPUNIT_TEST(testNumbers);
    CPPUNIT_TEST(testTexts);
    CPPUNIT_TEST(testAbsentAndEmpty);
    CPPUNIT_TEST(testFieldsAsReceived);
    CPPUNIT_TEST(testRandomRequests);
    CPPUNIT_TEST(testBothTypesWriteTheSame);
    CPPUNIT_TEST(testCapacity);
    CPPUNIT_TEST_SUITE_END();

    fixture::ProgramEncoder encoder_{ENCODER_GO};

public:
    void testDescriptors()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("encoder.go"), encoder_.id());
        CPPUNIT_ASSERT_EQUAL(std::string("encoder.external"),
                             fixture::ProgramEncoder(ENCODER_EXTERNAL).id());
    }

    void testNumbers()
    {
        FakeRequest request("/");
        request.withBody(70000);
        request.id = 0x123456789ABCULL;
        pb_request raw = request.raw();
        raw.engine = 3;
        raw.target_index = 2;
        const Bytes message = encoder_.encode(raw);
        const Head head = read<Head>(message, 0);
        CPPUNIT_ASSERT_EQUAL(1U, head.layout);
        CPPUNIT_ASSERT_EQUAL(160U, head.headSize);
        CPPUNIT_ASSERT_EQUAL(message.size(), std::size_t{head.size});
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_REQUEST_HAS_BODY}, head.flags);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0x123456789ABC}, head.exchangeId);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{70000}, head.contentLength);
        CPPUNIT_ASSERT_EQUAL(3U, head.engine);
        CPPUNIT_ASSERT_EQUAL(2U, head.target);
        CPPUNIT_ASSERT_EQUAL(8300U, head.localPort);
        CPPUNIT_ASSERT_EQUAL(50123U, head.remotePort);
        CPPUNIT_ASSERT_EQUAL(16U, head.fieldStride);
    }

    void testTexts()
    {
        FakeRequest request("/a%2fb?x=1");
        request.method = "PROPFIND";
        request.path = "/a/b";
        request.query = "x=1";
        request.version = "HTTP/1.0";
        request.scheme = "https";
        request.contentType = "text/plain";
        request.remoteAddress = "unix:";
        pb_request raw = request.raw();
        const Bytes message = encoder_.encode(raw);
        const Head head = read<Head>(message, 0);
        CPPUNIT_ASSERT_EQUAL(std::string("PROPFIND"), *text(message, head.method));
        CPPUNIT_ASSERT_EQUAL(std::string("/a%2fb?x=1"), *text(message, head.uri));
        CPPUNIT_ASSERT_EQUAL(std::string("/a/b"), *text(message, head.path));
        CPPUNIT_ASSERT_EQUAL(std::string("x=1"), *text(message, head.query));
        CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.0"), *text(message, head.version));
        CPPUNIT_ASSERT_EQUAL(std::string("https"), *text(message, head.scheme));
        CPPUNIT_ASSERT_EQUAL(std::string("localhost"), *text(message, head.host));
        CPPUNIT_ASSERT_EQUAL(std::string("localhost"), *text(message, head.serverName));
        CPPUNIT_ASSERT_EQUAL(std::string("8300"), *text(message, head.serverPort));
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1"), *text(message, head.localAddress));
        CPPUNIT_ASSERT_EQUAL(std::string("unix:"), *text(message, head.remoteAddress));
        CPPUNIT_ASSERT_EQUAL(std::string("text/plain"), *text(message, head.contentType));
    }

    void testAbsentAndEmpty()
    {
        FakeRequest request("/?");
        request.query = "";
        request.host.reset();
        request.fields = {{"X-Empty", ""}};
        pb_request raw = request.raw();
        const Bytes message = encoder_.encode(raw);
        const Head head = read<Head>(message, 0);
        CPPUNIT_ASSERT_EQUAL(std::string(), *text(message, head.query));
        CPPUNIT_ASSERT(!text(message, head.host));
        CPPUNIT_ASSERT(!text(message, head.contentType));
        expectFields(message, head, request);
    }

    // Names as they came, repeats not joined, nothing left out.
    void testFieldsAsReceived()
    {
        FakeRequest request("/");
        request.withBody(3);
        request.fields.insert(request.fields.end(), {{"Cookie", "a=1"},
                                                     {"cookie", "b=2"},
                                                     {"X-A_b", "\xff\x80 "},
                                                     {"x-a_B", "2"},
                                                     {"Proxy", "p"},
                                                     {"Content-Type", "t/p"}});
        pb_request raw = request.raw();
        const Bytes message = encoder_.encode(raw);
        expectFields(message, read<Head>(message, 0), request);
    }

    void testRandomRequests()
    {
        std::mt19937 random(7);
        const auto word = [&random](std::size_t limit) {
            std::string result(random() % (limit + 1), '\0');
            for (char &c : result) {
                c = static_cast<char>(random());
            }
            return result;
        };
        for (int i = 0; i < 300; ++i) {
            FakeRequest request(word(200));
            request.query = word(60);
            request.fields.clear();
            for (std::size_t n = random() % 40; n > 0; --n) {
                request.fields.emplace_back(word(30), word(90));
            }
            pb_request raw = request.raw();
            const Bytes message = encoder_.encode(raw);
            const Head head = read<Head>(message, 0);
            CPPUNIT_ASSERT_EQUAL(request.target, *text(message, head.uri));
            CPPUNIT_ASSERT_EQUAL(*request.query, *text(message, head.query));
            expectFields(message, head, request);
        }
    }

    void testBothTypesWriteTheSame()
    {
        FakeRequest request("/x?y");
        request.withBody(1);
        pb_request raw = request.raw();
        CPPUNIT_ASSERT(encoder_.encode(raw) ==
                       fixture::ProgramEncoder(ENCODER_EXTERNAL).encode(raw));
    }

    void testCapacity()
    {
        FakeRequest request("/");
        pb_request raw = request.raw();
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, encoder_.encodeInto(raw, 160));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ProgramEncoderTest);
