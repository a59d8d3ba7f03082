// The client against servers that behave, and against those that do not.
#include "ctl/control_client.hpp"

#include "ctl/command.hpp"
#include "fake_server.hpp"
#include "main/temp_dir.hpp"

#include <sys/stat.h>

using namespace patchbay;
using namespace patchbay::ctl;
using patchbay::test::answer;
using patchbay::test::errorOf;
using patchbay::test::FakeServer;
using std::chrono::seconds;

class ClientTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ClientTest);
    CPPUNIT_TEST(testUnixSocket);
    CPPUNIT_TEST(testAbstractSocket);
    CPPUNIT_TEST(testTcp);
    CPPUNIT_TEST(testRequestOnTheWire);
    CPPUNIT_TEST(testLargeBodies);
    CPPUNIT_TEST(testNoSocket);
    CPPUNIT_TEST(testLeftoverSocket);
    CPPUNIT_TEST(testNotASocket);
    CPPUNIT_TEST(testNoAccess);
    CPPUNIT_TEST(testClosedWithoutAnswer);
    CPPUNIT_TEST(testClosedInTheMiddle);
    CPPUNIT_TEST(testGarbage);
    CPPUNIT_TEST(testTimeout);
    CPPUNIT_TEST(testWaiting);
    CPPUNIT_TEST(testAddresses);
    CPPUNIT_TEST_SUITE_END();

    static Response send(const std::string &address, const Request &request,
                         std::optional<seconds> limit = seconds(60))
    {
        return ControlClient(address).send(request, limit, [](seconds) {});
    }
    std::string failure(const Request &request, std::optional<seconds> limit = seconds(60))
    {
        return errorOf([&] { send(address_, request, limit); });
    }
    FakeServer::Reply always(std::string text)
    {
        return [text = std::move(text)](const std::string &) { return text; };
    }

    test::TempDir dir_;
    std::string address_ = "unix:" + dir_ / "control";
    std::string quoted_ = "\"" + address_ + "\"";
    const std::string unknown_ =
        "\nWhether the change was made is not known: see \"patchbayctl status\".";

public:
    void testUnixSocket()
    {
        FakeServer server(address_, always(answer(200, "{}\r\n", "ETag: \"7\"\r\n")));
        const Response response = send(address_, {"GET", "/config"});
        CPPUNIT_ASSERT_EQUAL(200, response.status);
        CPPUNIT_ASSERT_EQUAL(std::string("{}\r\n"), response.body);
        CPPUNIT_ASSERT_EQUAL(std::string("\"7\""), response.etag);
        CPPUNIT_ASSERT_EQUAL(200, send(address_, {"GET", "/config"}).status); // another connection
    }

    void testAbstractSocket()
    {
        const std::string address = "unix:@patchbay-unit-" + std::to_string(getpid());
        FakeServer server(address, always(answer(404, "{}")));
        CPPUNIT_ASSERT_EQUAL(404, send(address, {"GET", "/x"}).status);
        CPPUNIT_ASSERT(errorOf([&] {
                           send(address + "x", {"GET", "/x"});
                       }).starts_with("nobody answers on the control socket"));
    }

    void testTcp()
    {
        // Any free port: the kernel chooses one that is free now, and it stays free in the test's
        // own address of the loopback network.
        const std::string host = "127.77." + std::to_string(getpid() >> 8 & 255) + "." +
                                 std::to_string((getpid() & 127) + 1);
        const std::string address = host + ":28431";
        FakeServer server(address, always(answer(200, "[]")));
        CPPUNIT_ASSERT_EQUAL(std::string("[]"), send(address, {"GET", "/status"}).body);
    }

    void testRequestOnTheWire()
    {
        FakeServer server(address_, always(answer(200, "{}")));
        send(address_, {"PUT", "/config/listeners/*:80?dry_run=1", "{\"a\": 1}", "\"e\""});
        send(address_, {"POST", "/control/reload"});
        send(address_, {"GET", "/status"});
        const std::string put = server.requests().at(0);
        CPPUNIT_ASSERT(put.starts_with("PUT /config/listeners/*:80?dry_run=1 HTTP/1.1\r\n"));
        CPPUNIT_ASSERT(put.ends_with("\r\n\r\n{\"a\": 1}"));
        for (const char *line : {"Host: localhost", "If-Match: \"e\"", "Content-Length: 8",
                                 "Content-Type: application/json", "Connection: Close"}) {
            CPPUNIT_ASSERT_MESSAGE(put, put.find(std::string("\r\n") + line + "\r\n") != put.npos);
        }
        const std::string post = server.requests().at(1);
        CPPUNIT_ASSERT_MESSAGE(post, post.find("\r\nContent-Length: 0\r\n") != post.npos);
        CPPUNIT_ASSERT_EQUAL(post.npos, server.requests().at(2).find("Content-Length"));
    }

    void testLargeBodies()
    {
        const std::string body(3 << 20, 'x');
        FakeServer server(address_, [](const std::string &request) {
            return answer(200, request.substr(request.find("\r\n\r\n") + 4));
        });
        CPPUNIT_ASSERT(send(address_, {"PUT", "/config", body}).body == body);
    }

    void testNoSocket()
    {
        CPPUNIT_ASSERT_EQUAL("there is no control socket " + quoted_ +
                                 ". Is patchbayd running? If its socket is elsewhere, name it "
                                 "with --control ADDRESS.",
                             failure({"GET", "/status"}));
    }

    void testLeftoverSocket()
    {
        { // closed, the file stays
            FakeServer server(address_, always(""));
        }
        CPPUNIT_ASSERT_EQUAL("nobody answers on the control socket " + quoted_ +
                                 ". Is patchbayd running? If its socket is elsewhere, name it "
                                 "with --control ADDRESS.",
                             failure({"GET", "/status"}));
    }

    void testNotASocket()
    {
        test::writeFile(dir_ / "control", "");
        CPPUNIT_ASSERT_EQUAL(quoted_ + " is no socket.", failure({"GET", "/status"}));
    }

    // Root may everything, so it becomes somebody else for a moment.
    void testNoAccess()
    {
        constexpr uid_t kNobody = 65534;
        FakeServer server(address_, always(""));
        CPPUNIT_ASSERT_EQUAL(0, chmod((dir_ / ".").c_str(), 0711));
        CPPUNIT_ASSERT_EQUAL(0, chmod((dir_ / "control").c_str(), 0));
        const uid_t self = geteuid();
        CPPUNIT_ASSERT(self != 0 || seteuid(kNobody) == 0);
        const std::string said = failure({"GET", "/status"});
        CPPUNIT_ASSERT(self != 0 || seteuid(self) == 0);
        const std::string start = "no access to the control socket " + quoted_ + ": it belongs to ";
        CPPUNIT_ASSERT_MESSAGE(said, said.starts_with(start) && said.ends_with(". Use sudo."));
    }

    void testClosedWithoutAnswer()
    {
        FakeServer server(address_, always(""));
        const std::string said =
            "the control socket " + quoted_ + " closed the connection without an answer.";
        CPPUNIT_ASSERT_EQUAL(said, failure({"GET", "/status"}));
        CPPUNIT_ASSERT_EQUAL(said, failure({"PUT", "/config?dry_run=1", "{}"}));
        CPPUNIT_ASSERT_EQUAL(said + unknown_, failure({"PUT", "/config", "{}"}));
    }

    void testClosedInTheMiddle()
    {
        const std::string whole = answer(200, "{\"success\": \"Reconfiguration done.\"}");
        FakeServer server(address_, [&](const std::string &request) {
            return whole.substr(0, std::stoul(request.substr(5))); // "GET /NUMBER"
        });
        for (std::size_t size = 1; size < whole.size(); ++size) {
            const std::string said = failure({"GET", "/" + std::to_string(size)});
            CPPUNIT_ASSERT_MESSAGE(std::to_string(size) + ": " + said,
                                   said.starts_with("the control socket") ||
                                       said.starts_with("what the control socket"));
        }
        const std::string nearly = std::to_string(whole.size() - 1);
        CPPUNIT_ASSERT_EQUAL("the control socket " + quoted_ +
                                 " closed the connection before its answer was complete.",
                             failure({"GET", "/" + nearly}));
        CPPUNIT_ASSERT_EQUAL(std::string(), failure({"GET", "/" + std::to_string(whole.size())}));
    }

    void testGarbage()
    {
        const std::string said = "what the control socket " + quoted_ +
                                 " answers is not the control API. Is this address right?";
        const std::string texts[] = {"SSH-2.0-OpenSSH_9.2\r\n", std::string(100000, 'x'),
                                     std::string(5, '\0'), "220 mail ready\r\n\r\n"};
        std::size_t next = 0;
        FakeServer server(address_, [&](const std::string &) { return texts[next]; });
        for (; next < std::size(texts); ++next) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::to_string(next), said, failure({"GET", "/status"}));
        }
    }

    void testTimeout()
    {
        FakeServer server(address_, always(FakeServer::kSilence));
        const std::string said = "no answer from the control socket " + quoted_ + " within 1 s.";
        CPPUNIT_ASSERT_EQUAL(said, failure({"GET", "/status"}, seconds(1)));
        CPPUNIT_ASSERT_EQUAL(said + unknown_, failure({"DELETE", "/config"}, seconds(1)));
    }

    void testWaiting()
    {
        std::atomic<bool> answered = false;
        FakeServer server(address_, [&](const std::string &) {
            answered.wait(false);
            return answer(200, "{}");
        });
        std::vector<seconds> calls;
        ControlClient(address_).send({"POST", "/control/reload"}, std::nullopt, [&](seconds time) {
            calls.push_back(time);
            if (calls.size() == 2) {
                answered = true;
                answered.notify_all();
            }
        });
        CPPUNIT_ASSERT(calls.size() >= 2);
        CPPUNIT_ASSERT(calls[0] >= seconds(1) && calls[1] >= seconds(2));
    }

    void testAddresses()
    {
        const auto refused = [](const std::string &address) {
            return errorOf([&] { ControlClient client(address); });
        };
        const std::string start = "the control address ";
        const std::string neither = R"( is neither "unix:PATH" nor "IP:PORT")";
        CPPUNIT_ASSERT_EQUAL(start + "\"/run/x\"" + neither + ". Did you mean \"unix:/run/x\"?",
                             refused("/run/x"));
        CPPUNIT_ASSERT_EQUAL(start + "\"unix:\" has no path", refused("unix:"));
        CPPUNIT_ASSERT_EQUAL(start + "\"nowhere\"" + neither, refused("nowhere"));
        CPPUNIT_ASSERT_EQUAL(start + "\"127.0.0.1:x\" has no port between 1 and 65535",
                             refused("127.0.0.1:x"));
        for (const char *good : {"127.0.0.1:80", "[::1]:80", "*:80", "unix:@x", "unix:rel/x"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(good, std::string(), refused(good));
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ClientTest);
