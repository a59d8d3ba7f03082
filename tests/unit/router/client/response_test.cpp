// Requests and answers over real sockets: framing, keep-alive, pipelining, bodies both ways.
#include "router/rig/server.hpp"

#include <cppunit/extensions/HelperMacros.h>

using namespace patchbay;
using namespace patchbay::rig;

namespace {

class ResponseTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ResponseTest);
    CPPUNIT_TEST(keepAlive);
    CPPUNIT_TEST(framings);
    CPPUNIT_TEST(pipelined);
    CPPUNIT_TEST(manyPipelinedErrors);
    CPPUNIT_TEST(splitAtEveryByte);
    CPPUNIT_TEST(headAndBodiless);
    CPPUNIT_TEST(lengthsThatLie);
    CPPUNIT_TEST(failures);
    CPPUNIT_TEST(http10);
    CPPUNIT_TEST(bodies);
    CPPUNIT_TEST(chunkedBodies);
    CPPUNIT_TEST(expectContinue);
    CPPUNIT_TEST(largeHeader);
    CPPUNIT_TEST(unixSocket);
    CPPUNIT_TEST_SUITE_END();

    void keepAlive()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket);
        for (int i = 0; i < 50; i++) {
            CPPUNIT_ASSERT(client.send(get("/hello")));
            const Client::Response r = client.response();
            CPPUNIT_ASSERT_EQUAL(200u, r.status());
            CPPUNIT_ASSERT_EQUAL(std::string("hello"), r.body);
            CPPUNIT_ASSERT(r.has("Server: Patchbay/test\r\n") && r.has("\r\nDate: "));
        }
        CPPUNIT_ASSERT(server.isClean());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server.engines[0]->counters().idle.load());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{50}, server.application->requests.load());
        CPPUNIT_ASSERT(server.application->answered.load());
    }

    void framings()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket);
        client.send(get("/nolength"));
        Client::Response r = client.response();
        CPPUNIT_ASSERT(r.has("Content-Length: 5\r\n")); // all of it was there at once
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), r.body);
        client.send(get("/parts"));
        r = client.response();
        CPPUNIT_ASSERT(r.complete);
        CPPUNIT_ASSERT_EQUAL(std::string("part0part1part2"), r.body);
        client.send(get("/late"));
        CPPUNIT_ASSERT(eventually([&] { return server.workers[0]->taken() == 3; }));
        client.receive(); // the head comes before the body exists
        server.workers[0]->release();
        r = client.response();
        CPPUNIT_ASSERT(r.has("Transfer-Encoding: chunked") && r.complete);
        CPPUNIT_ASSERT_EQUAL(std::string("late"), r.body);
        CPPUNIT_ASSERT(server.isClean());
    }

    void pipelined()
    {
        Server server(1, 2);
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket);
        std::string all;
        for (int i = 0; i < 200; i++) {
            all += get("/status?" + std::to_string(200 + i % 4));
        }
        all += get("/parts", "Connection: close\r\n");
        CPPUNIT_ASSERT(client.send(all));
        for (unsigned i = 0; i < 200; i++) {
            const Client::Response r = client.response(i % 4 == 4);
            CPPUNIT_ASSERT_EQUAL(200 + i % 4, r.status());
        }
        const Client::Response last = client.response();
        CPPUNIT_ASSERT_EQUAL(std::string("part0part1part2"), last.body);
        CPPUNIT_ASSERT(last.has("Connection: close"));
        CPPUNIT_ASSERT(client.isClosed());
        CPPUNIT_ASSERT(server.isClean());
    }

    // Answered without a worker, each from within the one before: must loop, not recurse.
    void manyPipelinedErrors()
    {
        Server server(1, 0);
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket);
        constexpr int kRequests = 20'000;
        std::thread sender([&] {
            std::string all;
            for (int i = 0; i < kRequests; i++) {
                all += get("/hello");
            }
            client.send(all);
        });
        for (int i = 0; i < kRequests; i++) {
            CPPUNIT_ASSERT_EQUAL(503u, client.response().status());
        }
        sender.join();
        CPPUNIT_ASSERT(server.isClean());
    }

    void splitAtEveryByte()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        const std::string request = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
                                    "\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: 1\r\n\r\n";
        for (std::size_t cut = 1; cut < request.size(); cut++) {
            Client client(*server.socket);
            client.send(request.substr(0, cut));
            if (cut % 16 == 0) { // give the engine time to see the first part alone
                std::this_thread::sleep_for(1ms);
            }
            client.send(request.substr(cut) + get("/hello"));
            CPPUNIT_ASSERT_EQUAL(std::string("abcdefg"), client.response().body);
            CPPUNIT_ASSERT_EQUAL(std::string("hello"), client.response().body);
        }
        Client slow(*server.socket);
        for (char c : request) {
            slow.send({&c, 1});
        }
        CPPUNIT_ASSERT_EQUAL(std::string("abcdefg"), slow.response().body);
        CPPUNIT_ASSERT(server.isClean());
    }

    void headAndBodiless()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket);
        client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" + get("/status?204") +
                    get("/status?304") + get("/hello"));
        CPPUNIT_ASSERT(client.response(true).has("Content-Length: 5"));
        for (unsigned status : {204u, 304u}) {
            const Client::Response r = client.response();
            CPPUNIT_ASSERT_EQUAL(status, r.status());
            CPPUNIT_ASSERT(!r.has("Content-Length") && !r.has("Transfer-Encoding"));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), client.response().body);
        CPPUNIT_ASSERT(server.isClean());
    }

    void lengthsThatLie()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client longer(*server.socket);
        longer.send(get("/long") + get("/hello")); // H19
        CPPUNIT_ASSERT_EQUAL(std::string(10, 'y'), longer.response().body);
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), longer.response().body);
        Client shorter(*server.socket); // H18
        shorter.send(get("/short"));
        const Client::Response r = shorter.response();
        CPPUNIT_ASSERT(!r.complete);
        CPPUNIT_ASSERT_EQUAL(std::string(5, 'y'), r.body);
        CPPUNIT_ASSERT(shorter.isClosed());
        CPPUNIT_ASSERT(server.isClean());
    }

    void failures()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket);
        client.send(get("/fail") + get("/garbage") + get("/hello"));
        CPPUNIT_ASSERT_EQUAL(503u, client.response().status());
        CPPUNIT_ASSERT_EQUAL(503u, client.response().status());
        CPPUNIT_ASSERT_EQUAL(200u, client.response().status()); // the connection stays
        client.send(get("/abort"));                             // H20
        const Client::Response r = client.response();
        CPPUNIT_ASSERT_EQUAL(std::string("partial"), r.body);
        CPPUNIT_ASSERT(!r.complete && client.isClosed());
        CPPUNIT_ASSERT(server.isClean());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, server.application->badReply.load());
    }

    void http10()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket); // H27
        client.send("GET /parts HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        const Client::Response r = client.response();
        CPPUNIT_ASSERT(!r.has("chunked") && r.complete && client.isClosed());
        CPPUNIT_ASSERT_EQUAL(std::string("part0part1part2"), r.body);
        Client kept(*server.socket);
        for (int i = 0; i < 2; i++) {
            kept.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
            CPPUNIT_ASSERT_EQUAL(std::string("hello"), kept.response().body);
        }
        Client closing(*server.socket);
        closing.send("GET /hello HTTP/1.0\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), closing.response().body);
        CPPUNIT_ASSERT(closing.isClosed());
    }

    static std::string pattern(std::size_t size)
    {
        std::string text(size, '\0');
        for (std::size_t i = 0; i < size; i++) {
            text[i] = static_cast<char>(i * 31 + i / 257);
        }
        return text;
    }

    // In memory, in one run, in the spool file and through many windows.
    void bodies()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket);
        for (std::size_t size : {0u, 1u, 5000u, 16'384u, 16'385u, 200'000u, 262'000u, 262'144u,
                                 262'145u, 1'000'000u, 8'388'608u}) {
            const std::string body = pattern(size);
            std::thread sender([&] {
                client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                            std::to_string(size) + "\r\n\r\n");
                client.send(body);
            });
            const Client::Response r = client.response();
            sender.join();
            CPPUNIT_ASSERT_EQUAL(200u, r.status());
            CPPUNIT_ASSERT(r.complete && r.body == body);
        }
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8388609\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(413u, client.response().status());
        CPPUNIT_ASSERT(client.isClosed());
        CPPUNIT_ASSERT(server.isClean());
        CPPUNIT_ASSERT(std::filesystem::is_empty(server.settings.bodyTempPath)); // unlinked at once
    }

    void chunkedBodies()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket);
        const std::string body = pattern(300'000);
        std::string request =
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (std::size_t at = 0; at < body.size(); at += 1234) {
            const std::string part = body.substr(at, 1234);
            char size[16];
            std::snprintf(size, sizeof size, "%zx\r\n", part.size());
            request += size + part + "\r\n";
        }
        request += "0\r\n\r\n";
        for (int i = 0; i < 3; i++) { // three in a row, each read together with the next
            std::thread sender([&] { client.send(request + request + get("/hello")); });
            for (int k = 0; k < 2; k++) {
                const Client::Response r = client.response();
                CPPUNIT_ASSERT(r.body == body);
                CPPUNIT_ASSERT(r.has("X-Length: 300000"));
            }
            CPPUNIT_ASSERT_EQUAL(std::string("hello"), client.response().body);
            sender.join();
        }
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n");
        CPPUNIT_ASSERT_EQUAL(400u, client.response().status());
        CPPUNIT_ASSERT(server.isClean());
    }

    void expectContinue()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket);
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                    "Expect: 100-continue\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(100u, client.response(true).status());
        client.send("abc");
        CPPUNIT_ASSERT_EQUAL(std::string("abc"), client.response().body);
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n"
                    "Expect: 100-continue\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(413u, client.response().status());
    }

    void largeHeader()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket);
        std::string fields;
        for (int i = 0; i < 4; i++) { // the buffer grows with it
            fields += "X-" + std::to_string(i) + ": " + std::string(8000, 'a') + "\r\n";
        }
        client.send(get("/hello", fields));
        CPPUNIT_ASSERT_EQUAL(200u, client.response().status());
        client.send(get("/hello", fields + fields));
        CPPUNIT_ASSERT_EQUAL(431u, client.response().status());
        CPPUNIT_ASSERT(client.isClosed());
    }

    void unixSocket()
    {
        char directory[] = "/tmp/patchbay-test-XXXXXX";
        CPPUNIT_ASSERT(mkdtemp(directory) != nullptr);
        const std::string path = std::string(directory) + "/s";
        {
            Server server;
            const auto socket = listenUnix(path);
            CPPUNIT_ASSERT(server.adopt(server.snapshot({server.socket, socket})));
            Client client(*socket);
            client.send(get("/hello") + get("/big?3000000"));
            CPPUNIT_ASSERT_EQUAL(std::string("hello"), client.response().body);
            CPPUNIT_ASSERT_EQUAL(std::size_t{3'000'000}, client.response().body.size());
            CPPUNIT_ASSERT(server.isClean(2));
        }
        unlink(path.c_str());
        rmdir(directory);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ResponseTest);

} // namespace
