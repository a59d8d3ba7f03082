// The encoder and the message's reader: sizes, texts, purity, damage.
#include "encoder.hpp"

#include "message.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <random>

namespace {

using fixture::FakeRequest;
using namespace patchbay::php;
using Fields = std::vector<std::pair<std::string, std::string>>;

MessageReader open(const std::vector<std::uint8_t> &message)
{
    const auto reader = MessageReader::open(message.data(), message.size());
    CPPUNIT_ASSERT(reader.has_value());
    return *reader;
}

Fields fieldsOf(const std::vector<std::uint8_t> &message)
{
    const MessageReader reader = open(message);
    Fields fields;
    for (std::uint32_t i = 0; i < reader.header().fieldCount; ++i) {
        FieldView field;
        CPPUNIT_ASSERT(reader.field(i, field));
        CPPUNIT_ASSERT_EQUAL('\0', field.name.data()[field.name.size()]);
        CPPUNIT_ASSERT_EQUAL('\0', field.value.data()[field.value.size()]);
        fields.emplace_back(field.name, field.value);
    }
    return fields;
}

std::string text(const MessageReader &reader, Text which)
{
    return std::string(reader.text(which));
}

} // namespace

class PhpMessageTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PhpMessageTest);
    CPPUNIT_TEST(testDescriptor);
    CPPUNIT_TEST(testTexts);
    CPPUNIT_TEST(testAbsentIsNotEmpty);
    CPPUNIT_TEST(testHeader);
    CPPUNIT_TEST(testFields);
    CPPUNIT_TEST(testAuthority);
    CPPUNIT_TEST(testRandomRequests);
    CPPUNIT_TEST(testCapacity);
    CPPUNIT_TEST(testDamagedMessages);
    CPPUNIT_TEST_SUITE_END();

    fixture::PhpEncoder encoder_;

public:
    void testDescriptor()
    {
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_KIND_ENCODER}, encoder_.module().kind);
        CPPUNIT_ASSERT_EQUAL(std::string("encoder.php"), std::string(encoder_.module().id));
    }

    void testTexts()
    {
        FakeRequest request("/a%2fb?x=1");
        request.path = "/a/b";
        request.query = "x=1";
        request.method = "PROPFIND";
        request.version = "HTTP/1.0";
        request.scheme = "https";
        request.contentType = "text/plain";
        request.contentLengthText = "007";
        const auto message = encoder_.encode(request);
        const MessageReader reader = open(message);
        const std::vector<std::string> expected{"PROPFIND",  "/a%2fb?x=1", "/a/b",       "x=1",
                                                "HTTP/1.0",  "https",      "localhost",  "8300",
                                                "127.0.0.1", "127.0.0.1",  "text/plain", "007"};
        CPPUNIT_ASSERT_EQUAL(expected.size(), std::size_t{kTextCount});
        for (std::uint32_t i = 0; i < kTextCount; ++i) {
            CPPUNIT_ASSERT_EQUAL(expected[i], text(reader, static_cast<Text>(i)));
        }
    }

    void testAbsentIsNotEmpty()
    {
        FakeRequest request;
        auto message = encoder_.encode(request);
        CPPUNIT_ASSERT(!open(message).has(kQuery));
        CPPUNIT_ASSERT(!open(message).has(kContentType));
        CPPUNIT_ASSERT_EQUAL(std::string(), text(open(message), kQuery));
        request.query = "";
        message = encoder_.encode(request);
        CPPUNIT_ASSERT(open(message).has(kQuery));
        CPPUNIT_ASSERT_EQUAL(std::string(), text(open(message), kQuery));
    }

    void testHeader()
    {
        FakeRequest request;
        request.withBody(7).id = 77;
        const auto message = encoder_.encode(request);
        const MessageHeader header = open(message).header(); // the reader goes
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{77}, header.exchangeId);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{7}, header.contentLength);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_REQUEST_HAS_BODY}, header.flags);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{50123}, header.remotePort);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{0}, header.target);
        CPPUNIT_ASSERT_EQUAL(message.size(), std::size_t{header.reserved} + header.reservedSize);
    }

    // S62, H23: only a-z and '-' change; Proxy never arrives; order and repeats stay.
    void testFields()
    {
        FakeRequest request;
        request.fields = {
            {"X-A", "1"}, {"Proxy", "e"}, {"x-a", ""}, {"pRoxy", ""}, {"x\xe9.y_z-9", "v"}};
        request.host.reset();
        const Fields expected{{"HTTP_X_A", "1"}, {"HTTP_X_A", ""}, {"HTTP_X\xe9.Y_Z_9", "v"}};
        CPPUNIT_ASSERT(expected == fieldsOf(encoder_.encode(request)));
    }

    // H11: the authority of an absolute target is the host, with or without a field.
    void testAuthority()
    {
        FakeRequest request;
        request.host = "other:81";
        const Fields expected{{"HTTP_HOST", "other:81"}};
        CPPUNIT_ASSERT(expected == fieldsOf(encoder_.encode(request)));
        request.fields.clear();
        CPPUNIT_ASSERT(expected == fieldsOf(encoder_.encode(request)));
        request.host.reset();
        CPPUNIT_ASSERT(fieldsOf(encoder_.encode(request)).empty());
    }

    void testRandomRequests()
    {
        std::mt19937 random(20261123);
        const auto bytes = [&](unsigned most) {
            std::string result(random() % most, ' ');
            for (char &c : result) {
                c = static_cast<char>(random() % 256);
            }
            return result;
        };
        for (int round = 0; round < 2000; ++round) {
            FakeRequest request(bytes(300));
            request.path = bytes(300);
            request.host.reset();
            request.fields.clear();
            for (unsigned i = random() % 40; i > 0; --i) {
                request.fields.emplace_back("f" + std::to_string(i), bytes(60));
            }
            const auto message = encoder_.encode(request);
            CPPUNIT_ASSERT(message == encoder_.encode(request));
            const Fields got = fieldsOf(message);
            CPPUNIT_ASSERT_EQUAL(request.fields.size(), got.size());
            for (std::size_t i = 0; i < got.size(); ++i) {
                CPPUNIT_ASSERT_EQUAL("HTTP_F" + request.fields[i].first.substr(1), got[i].first);
                CPPUNIT_ASSERT_EQUAL(request.fields[i].second, got[i].second);
            }
            CPPUNIT_ASSERT_EQUAL(request.path, text(open(message), kPath));
        }
    }

    void testCapacity()
    {
        FakeRequest request;
        const std::size_t size = encoder_.encode(request).size();
        std::vector<std::uint8_t> larger(size + 100, 1);
        CPPUNIT_ASSERT_EQUAL(size, encoder_.encodeInto(request, larger));
        CPPUNIT_ASSERT_EQUAL(1, int{larger[size]});
        std::vector<std::uint8_t> smaller(size - 1, 1);
        CPPUNIT_ASSERT(encoder_.encodeInto(request, smaller) != size);
        CPPUNIT_ASSERT(smaller == std::vector<std::uint8_t>(size - 1, 1));
    }

    // Any change is refused, or every view stays inside and is terminated (ASan sees it).
    void testDamagedMessages()
    {
        FakeRequest request("/p?q");
        request.fields.emplace_back("X-Own", "value");
        const auto good = encoder_.encode(request);
        CPPUNIT_ASSERT(!MessageReader::open(nullptr, 0));
        CPPUNIT_ASSERT(!MessageReader::open(good.data(), sizeof(MessageHeader) - 1));
        CPPUNIT_ASSERT(!MessageReader::open(good.data(), good.size() - 1));
        std::mt19937 random(7);
        for (int round = 0; round < 20000; ++round) {
            auto bad = good;
            for (unsigned i = 0; i < 1 + random() % 3; ++i) {
                const bool edge = random() % 2 == 0;
                bad[random() % bad.size()] = static_cast<std::uint8_t>(edge ? 0xFF : random());
            }
            const auto reader = MessageReader::open(bad.data(), bad.size());
            if (reader) {
                check(*reader);
            }
        }
    }

private:
    static void check(const MessageReader &reader)
    {
        const auto ends = [](std::string_view view) {
            CPPUNIT_ASSERT_EQUAL('\0', view.data()[view.size()]);
        };
        for (std::uint32_t i = 0; i < kTextCount; ++i) {
            ends(reader.text(static_cast<Text>(i)));
        }
        for (std::uint32_t i = 0; i < reader.header().fieldCount; ++i) {
            FieldView field;
            if (reader.field(i, field)) {
                ends(field.name);
                ends(field.value);
            }
        }
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(PhpMessageTest);
