// What the runtime makes of a message and of an answer before and after PHP.
#include "encoder.hpp"
#include "fake_exchange.hpp"

#include "runtime/request.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <random>
#include <stdexcept>

namespace {

using fixture::FakeExchange;
using fixture::FakeRequest;
using namespace patchbay;
using namespace patchbay::php;

std::string variable(const Request &request, const char *name)
{
    const char *value = request.variable(name);
    return value == nullptr ? "(none)" : value;
}

} // namespace

class PhpRequestTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PhpRequestTest);
    CPPUNIT_TEST(testVariables);
    CPPUNIT_TEST(testThousandsOfFields);
    CPPUNIT_TEST(testDamagedMessages);
    CPPUNIT_TEST(testBody);
    CPPUNIT_TEST(testClientLeavesDuringBody);
    CPPUNIT_TEST(testResponse);
    CPPUNIT_TEST(testRefusedHead);
    CPPUNIT_TEST(testClientLeaves);
    CPPUNIT_TEST_SUITE_END();

    fixture::PhpEncoder encoder_;
    RequestScratch scratch_;

public:
    void testVariables()
    {
        FakeRequest request;
        request.fields = {{"X-A", "1"},      {"Cookie", "a=1"}, {"x-a", "2"},
                          {"Accept", "t/a"}, {"cookie", "b=2"}, {"X_A", ""},
                          {"X-A-B", "other"}};
        request.host.reset();
        withRequest(request, {}, [](Request &got) {
            CPPUNIT_ASSERT_EQUAL(std::size_t{4}, got.variables().size());
            CPPUNIT_ASSERT_EQUAL(std::string("1, 2, "), variable(got, "HTTP_X_A"));
            CPPUNIT_ASSERT_EQUAL(std::string("a=1; b=2"), variable(got, "HTTP_COOKIE"));
            CPPUNIT_ASSERT_EQUAL(std::string("t/a"), variable(got, "HTTP_ACCEPT"));
            CPPUNIT_ASSERT_EQUAL(std::string("other"), variable(got, "HTTP_X_A_B"));
            CPPUNIT_ASSERT_EQUAL(std::string("(none)"), variable(got, "HTTP_HOST"));
        });
        FakeRequest next; // nothing of the one before is left
        withRequest(next, {}, [](Request &got) {
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, got.variables().size());
            CPPUNIT_ASSERT_EQUAL(std::string("localhost"), variable(got, "HTTP_HOST"));
        });
    }

    void testThousandsOfFields()
    {
        FakeRequest same;
        for (unsigned i = 0; i < 20000; ++i) {
            same.fields.emplace_back("a", "");
            same.fields.emplace_back("n" + std::to_string(i), "v");
        }
        withRequest(same, {}, [](Request &got) {
            CPPUNIT_ASSERT_EQUAL(std::size_t{19999 * 2}, variable(got, "HTTP_A").size());
            CPPUNIT_ASSERT_EQUAL(std::string("v"), variable(got, "HTTP_N19999"));
        });
    }

    void testDamagedMessages()
    {
        FakeRequest request("/p?q");
        const auto good = encoder_.encode(request);
        std::mt19937 random(7);
        std::size_t refused = 0;
        for (int round = 0; round < 5000; ++round) {
            auto bad = good;
            bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
            FakeExchange core;
            const pb_exchange face = core.face(bad, 1);
            const sdk::Exchange exchange(face);
            try {
                const Request got(exchange, scratch_);
                CPPUNIT_ASSERT(got.variables().size() <= 1);
            } catch (const std::runtime_error &error) {
                ++refused;
                CPPUNIT_ASSERT_EQUAL(std::string("the request message is damaged"),
                                     std::string(error.what()));
            }
        }
        CPPUNIT_ASSERT(refused > 1000);
    }

    // PHP takes a short read for the end.
    void testBody()
    {
        FakeExchange core;
        core.body = std::string(1000, 'x') + "end";
        core.bodyPart = 7;
        FakeRequest request;
        withRequest(request.withBody(1003), core, [](Request &got) {
            std::string buffer(600, ' ');
            CPPUNIT_ASSERT_EQUAL(std::size_t{600}, got.readBody(buffer.data(), 600));
            CPPUNIT_ASSERT_EQUAL(std::size_t{403}, got.readBody(buffer.data(), 600));
            CPPUNIT_ASSERT_EQUAL(std::string("end"), buffer.substr(400, 3));
            CPPUNIT_ASSERT_EQUAL(std::size_t{0}, got.readBody(buffer.data(), 600));
        });
    }

    void testClientLeavesDuringBody()
    {
        FakeExchange core;
        core.body = std::string(100, 'x');
        core.bodyPart = 10;
        core.bodyFailsAfter = 20;
        FakeRequest request;
        withRequest(request.withBody(100), core, [](Request &got) {
            char buffer[100];
            CPPUNIT_ASSERT_EQUAL(std::size_t{20}, got.readBody(buffer, sizeof buffer));
            CPPUNIT_ASSERT(got.response().gone());
        });
    }

    void testResponse()
    {
        FakeRequest request;
        const FakeExchange core = withRequest(request, {}, [](Request &got) {
            Response &response = got.response();
            for (const char *line : {"X-A: 1", "X-A:2 ", "no colon", "Odd : \t v", "Empty:"}) {
                response.addLine(line);
            }
            CPPUNIT_ASSERT(response.write("before the head: dropped"));
            pb_error error = sdk::makeError();
            CPPUNIT_ASSERT(response.sendHead(299, error));
            CPPUNIT_ASSERT(response.write("a") && response.flush() && response.write("b"));
            CPPUNIT_ASSERT(response.complete());
        });
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{299}, core.status);
        const std::vector<std::pair<std::string, std::string>> expected{
            {"X-A", "1"}, {"X-A", "2"}, {"Odd", "v"}, {"Empty", ""}};
        CPPUNIT_ASSERT(expected == core.fields);
        CPPUNIT_ASSERT_EQUAL(std::string("ab"), core.sent());
        CPPUNIT_ASSERT((std::vector<bool>{true, false, true}) == core.buffered);
    }

    void testRefusedHead()
    {
        FakeRequest request;
        FakeExchange core;
        core.headFault = "too many";
        withRequest(request, core, [](Request &got) {
            pb_error error = sdk::makeError();
            CPPUNIT_ASSERT(!got.response().sendHead(200, error));
            CPPUNIT_ASSERT_EQUAL(std::string("too many"), std::string(error.text));
            CPPUNIT_ASSERT(!got.response().gone() && !got.response().complete());
            CPPUNIT_ASSERT(got.response().write("dropped"));
        });
    }

    void testClientLeaves()
    {
        FakeRequest request;
        FakeExchange core;
        core.writesUntilGone = 1;
        withRequest(request, core, [](Request &got) {
            pb_error error = sdk::makeError();
            CPPUNIT_ASSERT(got.response().sendHead(200, error));
            CPPUNIT_ASSERT(got.response().write("a") && !got.response().write("b"));
            CPPUNIT_ASSERT(got.response().gone() && !got.response().flush());
            CPPUNIT_ASSERT(!got.response().complete() && !got.response().finish());
        });
    }

private:
    template <class Work>
    FakeExchange withRequest(FakeRequest &request, FakeExchange core, Work work)
    {
        const auto message = encoder_.encode(request);
        const pb_exchange face = core.face(message, request.id);
        const sdk::Exchange exchange(face);
        Request got(exchange, scratch_);
        work(got);
        return core;
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(PhpRequestTest);
