// The encoder and the message's reader: sizes, joining, purity, damage.
#include "fixture.hpp"

#include "message.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <random>
#include <set>

namespace {

using fixture::FakeRequest;
using patchbay::python::MessageHeader;
using patchbay::python::MessageReader;
using patchbay::python::PairView;

std::string mapped(const std::string &name)
{
    std::string key = "HTTP_";
    for (const char c : name) {
        key += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return key;
}

// What the message says, each key once.
std::map<std::string, std::string> decode(const std::vector<std::uint8_t> &message)
{
    const auto reader = MessageReader::open(message.data(), message.size());
    CPPUNIT_ASSERT(reader.has_value());
    std::map<std::string, std::string> pairs;
    std::string previous;
    for (std::uint32_t i = 0; i < reader->header().pairCount; ++i) {
        PairView pair{};
        CPPUNIT_ASSERT(reader->pair(i, pair));
        const std::string key(pair.key == 0 ? mapped(std::string(pair.ownKey))
                                            : patchbay::python::kKeyNames[pair.key]);
        if (pair.value == patchbay::python::kOwnValue) {
            previous = pair.ownValue;
        } else if (pair.value != patchbay::python::kPreviousValue) {
            previous = patchbay::python::kValueTexts[pair.value];
        }
        CPPUNIT_ASSERT_MESSAGE("twice: " + key, pairs.emplace(key, previous).second);
    }
    return pairs;
}

std::string nameOf(const PairView &pair)
{
    if (!pair.ownKey.empty()) {
        return std::string(pair.ownKey);
    }
    std::string name(patchbay::python::kKeyNames[pair.key].substr(5));
    for (char &c : name) {
        c = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return name;
}

// The header fields as ASGI wants them, put together as runtime/asgi_scope.cpp does it.
std::vector<std::pair<std::string, std::string>> headers(const std::vector<std::uint8_t> &message)
{
    const auto reader = MessageReader::open(message.data(), message.size());
    CPPUNIT_ASSERT(reader.has_value());
    std::map<std::uint16_t, std::pair<std::string, std::string>> fields;
    std::vector<PairView> pairs(reader->header().pairCount);
    for (std::uint32_t i = 0; i < pairs.size(); ++i) {
        CPPUNIT_ASSERT(reader->pair(i, pairs[i]));
        if (pairs[i].field != 0) {
            CPPUNIT_ASSERT(fields
                               .emplace(pairs[i].field, std::pair(std::string(nameOf(pairs[i])),
                                                                  std::string(pairs[i].ownValue)))
                               .second);
        }
    }
    for (std::uint32_t i = 0; i < reader->header().partCount; ++i) {
        patchbay::python::PartView part;
        CPPUNIT_ASSERT(reader->part(i, part));
        const PairView &pair = pairs.at(part.pair);
        const std::string name = part.name.empty() ? nameOf(pair) : std::string(part.name);
        CPPUNIT_ASSERT(fields.emplace(part.field, std::pair(name, std::string(part.value))).second);
        // The first value ends where the separator before the first other one begins.
        std::string &first = fields.at(pair.field).second;
        const auto before = static_cast<std::size_t>(part.value.data() - pair.ownValue.data());
        first.resize(std::min(first.size(), before - patchbay::python::kSeparatorSize));
    }
    std::vector<std::pair<std::string, std::string>> result;
    for (auto &[place, field] : fields) {
        result.push_back(std::move(field));
    }
    return result;
}

std::string lower(std::string text)
{
    for (char &c : text) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return text;
}

} // namespace

class EncoderTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(EncoderTest);
    CPPUNIT_TEST(testDescriptor);
    CPPUNIT_TEST(testPairs);
    CPPUNIT_TEST(testLeftOut);
    CPPUNIT_TEST(testRepeats);
    CPPUNIT_TEST(testOnlyLowerCaseIsChanged);
    CPPUNIT_TEST(testBodyMembers);
    CPPUNIT_TEST(testAuthority);
    CPPUNIT_TEST(testHeader);
    CPPUNIT_TEST(testRandomRequests);
    CPPUNIT_TEST(testThousandsOfFields);
    CPPUNIT_TEST(testTooManyFields);
    CPPUNIT_TEST(testCapacity);
    CPPUNIT_TEST(testDamagedMessages);
    CPPUNIT_TEST_SUITE_END();

    fixture::Encoder encoder_;

public:
    void testDescriptor()
    {
        const pb_module &module = fixture::loadModule(ENCODER_FILE, RTLD_LOCAL);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_KIND_ENCODER}, module.kind);
        CPPUNIT_ASSERT_EQUAL(std::string("encoder.python"), std::string(module.id));
    }

    void testPairs()
    {
        FakeRequest request("/a%2fb?x=1");
        request.path = "/a/b";
        request.query = "x=1";
        request.method = "PROPFIND";
        request.version = "HTTP/1.0";
        request.scheme = "https";
        request.fields.emplace_back("x-own", "v");
        const auto pairs = decode(encoder_.encode(request));
        const std::map<std::string, std::string> expected{{"REQUEST_METHOD", "PROPFIND"},
                                                          {"SERVER_PROTOCOL", "HTTP/1.0"},
                                                          {"wsgi.url_scheme", "https"},
                                                          {"REQUEST_URI", "/a%2fb?x=1"},
                                                          {"PATH_INFO", "/a/b"},
                                                          {"QUERY_STRING", "x=1"},
                                                          {"SERVER_NAME", "localhost"},
                                                          {"SERVER_PORT", "8300"},
                                                          {"SERVER_ADDR", "127.0.0.1"},
                                                          {"REMOTE_ADDR", "127.0.0.1"},
                                                          {"REMOTE_PORT", "50123"},
                                                          {"HTTP_HOST", "localhost"},
                                                          {"HTTP_X_OWN", "v"}};
        CPPUNIT_ASSERT(expected == pairs);
    }

    // What the runtime's prepared environ has is not sent; an empty query is none.
    void testLeftOut()
    {
        FakeRequest request;
        request.query = "";
        const auto pairs = decode(encoder_.encode(request));
        for (const char *key : {"REQUEST_METHOD", "SERVER_PROTOCOL", "QUERY_STRING",
                                "wsgi.url_scheme", "CONTENT_LENGTH", "CONTENT_TYPE"}) {
            CPPUNIT_ASSERT_MESSAGE(key, pairs.count(key) == 0);
        }
        CPPUNIT_ASSERT_EQUAL(std::string("/"), pairs.at("PATH_INFO"));
    }

    void testRepeats()
    {
        FakeRequest request;
        request.fields = {{"X-A", "1"},      {"Cookie", "a=1"},     {"x-a", "2"},
                          {"Accept", "t/a"}, {"X-B", "other"},      {"cookie", "b=2"},
                          {"ACCEPT", "t/b"}, {"Proxy", "http://e"}, {"X-a", ""}};
        const auto pairs = decode(encoder_.encode(request));
        CPPUNIT_ASSERT_EQUAL(std::string("1, 2, "), pairs.at("HTTP_X_A"));
        CPPUNIT_ASSERT_EQUAL(std::string("a=1; b=2"), pairs.at("HTTP_COOKIE"));
        CPPUNIT_ASSERT_EQUAL(std::string("t/a, t/b"), pairs.at("HTTP_ACCEPT"));
        CPPUNIT_ASSERT_EQUAL(std::string("other"), pairs.at("HTTP_X_B"));
        CPPUNIT_ASSERT_EQUAL_MESSAGE("H23", std::size_t{0}, pairs.count("HTTP_PROXY"));
    }

    void testOnlyLowerCaseIsChanged() // S62
    {
        FakeRequest request;
        request.fields = {{"x\xe9.y_z-9", "v"}};
        CPPUNIT_ASSERT_EQUAL(std::string("v"),
                             decode(encoder_.encode(request)).at("HTTP_X\xe9.Y_Z_9"));
    }

    void testBodyMembers()
    {
        FakeRequest declared;
        declared.withBody(5);
        declared.contentType = "text/plain";
        declared.fields.emplace_back("content-type", "text/plain");
        declared.fields.emplace_back("Content-Type", "text/html");
        auto pairs = decode(encoder_.encode(declared));
        CPPUNIT_ASSERT_EQUAL(std::string("5"), pairs.at("CONTENT_LENGTH"));
        CPPUNIT_ASSERT_EQUAL(std::string("5"), pairs.at("HTTP_CONTENT_LENGTH"));
        CPPUNIT_ASSERT_EQUAL_MESSAGE("H8", std::string("text/plain, text/html"),
                                     pairs.at("CONTENT_TYPE"));
        CPPUNIT_ASSERT_EQUAL(pairs.at("CONTENT_TYPE"), pairs.at("HTTP_CONTENT_TYPE"));

        FakeRequest chunked;
        chunked.flags = PB_REQUEST_CHUNKED | PB_REQUEST_HAS_BODY;
        chunked.contentLength = 1234567890123;
        pairs = decode(encoder_.encode(chunked));
        CPPUNIT_ASSERT_EQUAL(std::string("1234567890123"), pairs.at("CONTENT_LENGTH"));
    }

    // H11: the authority of an absolute target is the host, with or without a field.
    void testAuthority()
    {
        FakeRequest request;
        request.host = "other:81";
        CPPUNIT_ASSERT_EQUAL(std::string("other:81"),
                             decode(encoder_.encode(request)).at("HTTP_HOST"));
        request.fields.clear();
        CPPUNIT_ASSERT_EQUAL(std::string("other:81"),
                             decode(encoder_.encode(request)).at("HTTP_HOST"));
        request.host.reset();
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, decode(encoder_.encode(request)).count("HTTP_HOST"));
    }

    void testHeader()
    {
        FakeRequest request;
        request.withBody(7).id = 77;
        const auto message = encoder_.encode(request);
        const auto header = MessageReader::open(message.data(), message.size())->header();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{77}, header.exchangeId);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{7}, header.contentLength);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_REQUEST_HAS_BODY}, header.flags);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{0}, header.partCount);
        for (std::size_t i = header.reserved; i < message.size(); ++i) {
            CPPUNIT_ASSERT_EQUAL(0, int{message[i]});
        }
        CPPUNIT_ASSERT_EQUAL(message.size(), std::size_t{header.reserved} + header.reservedSize);
    }

    // Against a plain model: size promised is size written (in encode()), the same bytes twice, and
    // every key with its values in order.
    void testRandomRequests()
    {
        std::mt19937 random(20261123);
        const auto below = [&](unsigned n) { return random() % n; };
        const char *const names[] = {"Host",
                                     "host",
                                     "Cookie",
                                     "X-A",
                                     "x-a",
                                     "X_a",
                                     "User_Agent",
                                     "Accept",
                                     "TE",
                                     "a",
                                     "b",
                                     "A-Very-Long-Name-That-Nobody-Knows",
                                     "Content-Type",
                                     "Proxy",
                                     "Content-Length",
                                     "X-\xff",
                                     "User-Agent"};
        for (int round = 0; round < 3000; ++round) {
            FakeRequest request;
            request.host.reset();
            request.fields.clear();
            std::map<std::string, std::string> expected;
            std::vector<std::pair<std::string, std::string>> raw;
            const unsigned count = below(4) == 0 ? below(80) : below(12);
            for (unsigned i = 0; i < count; ++i) {
                std::string name = below(5) == 0 ? std::string(1 + below(300), 'q')
                                                 : names[below(std::size(names))];
                std::string value(below(20), static_cast<char>(below(256)));
                const std::string key = mapped(name);
                request.fields.emplace_back(name, value);
                if (key == "HTTP_PROXY") {
                    continue;
                }
                raw.emplace_back(lower(name), value);
                const auto [place, isNew] = expected.emplace(key, value);
                if (!isNew) {
                    place->second += (key == "HTTP_COOKIE" ? "; " : ", ") + value;
                }
            }
            const auto message = encoder_.encode(request);
            CPPUNIT_ASSERT(message == encoder_.encode(request));
            CPPUNIT_ASSERT(raw == headers(message));
            const auto pairs = decode(message);
            for (const auto &[key, value] : expected) {
                CPPUNIT_ASSERT_EQUAL_MESSAGE(key, value, pairs.at(key));
            }
            for (const auto &[key, value] : pairs) {
                CPPUNIT_ASSERT_MESSAGE(key, !key.starts_with("HTTP_") || expected.count(key) == 1);
            }
        }
    }

    // The worst a default header block can hold; a quadratic encoder would be seen under ASan.
    void testThousandsOfFields()
    {
        FakeRequest same;
        FakeRequest different;
        for (unsigned i = 0; i < 8700; ++i) {
            same.fields.emplace_back("a", "");
            different.fields.emplace_back("n" + std::to_string(i), "v");
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{8699 * 2},
                             decode(encoder_.encode(same)).at("HTTP_A").size());
        CPPUNIT_ASSERT_EQUAL(std::string("v"), decode(encoder_.encode(different)).at("HTTP_N8699"));
    }

    void testTooManyFields()
    {
        FakeRequest request;
        for (unsigned i = 0; i < 20000; ++i) {
            request.fields.emplace_back("n" + std::to_string(i), "v");
        }
        const auto pairs = decode(encoder_.encode(request));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, pairs.count("HTTP_N16382"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, pairs.count("HTTP_N16383"));
    }

    void testCapacity()
    {
        const auto &ops =
            *static_cast<const pb_encoder_ops *>(fixture::loadModule(ENCODER_FILE, RTLD_LOCAL).ops);
        fixture::FakeHost host;
        pb_error error{};
        error.struct_size = sizeof error;
        const pb_module &module = fixture::loadModule(ENCODER_FILE, RTLD_LOCAL);
        void *self = module.create(&host.raw, {"{}", 2}, &error);
        FakeRequest request;
        const pb_request raw = request.raw();
        const std::size_t size = ops.encoded_size(self, &raw);
        std::vector<std::uint8_t> larger(size + 100, 1);
        CPPUNIT_ASSERT_EQUAL(size, ops.encode(self, &raw, larger.data(), larger.size()));
        CPPUNIT_ASSERT_EQUAL(1, int{larger[size]});
        std::vector<std::uint8_t> smaller(size - 1, 1);
        CPPUNIT_ASSERT(ops.encode(self, &raw, smaller.data(), smaller.size()) != size);
        CPPUNIT_ASSERT(smaller == std::vector<std::uint8_t>(size - 1, 1));
        module.destroy(self);
    }

    // The memory is shared with other workers: any change is refused or stays inside (ASan sees
    // it).
    void testDamagedMessages()
    {
        FakeRequest request("/p?q");
        request.fields.emplace_back("X-Own", "value");
        request.fields.emplace_back("x_own", "again");
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
            PairView pair;
            std::size_t sum = 0;
            for (std::uint32_t i = 0; reader && i < reader->header().pairCount; ++i) {
                if (reader->pair(i, pair)) {
                    for (const char c : pair.ownKey) {
                        sum += static_cast<unsigned char>(c);
                    }
                    for (const char c : pair.ownValue) {
                        sum += static_cast<unsigned char>(c);
                    }
                }
            }
            patchbay::python::PartView part;
            for (std::uint32_t i = 0; reader && i < reader->header().partCount; ++i) {
                if (reader->part(i, part)) {
                    sum += static_cast<std::size_t>(
                        std::count(part.name.begin(), part.name.end(), 'x'));
                    sum += static_cast<std::size_t>(
                        std::count(part.value.begin(), part.value.end(), 'x'));
                }
            }
            CPPUNIT_ASSERT(sum != SIZE_MAX);
        }
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(EncoderTest);
