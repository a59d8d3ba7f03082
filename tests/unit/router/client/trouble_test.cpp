// What goes wrong: clients that leave, stall or lie, workers that die, engines and listeners that
// come and go under load. After each, everything is back.
#include "router/rig/server.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <random>

using namespace patchbay;
using namespace patchbay::rig;

namespace {

class TroubleTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TroubleTest);
    CPPUNIT_TEST(slowReader);
    CPPUNIT_TEST(halfClosed);
    CPPUNIT_TEST(randomDisconnects);
    CPPUNIT_TEST(portScans);
    CPPUNIT_TEST(refusedUploadReadsAnswer);
    CPPUNIT_TEST(queuedRequestOfLeftClient);
    CPPUNIT_TEST(timeouts);
    CPPUNIT_TEST(workerDies);
    CPPUNIT_TEST(applicationDown);
    CPPUNIT_TEST(noWorker);
    CPPUNIT_TEST(spoolDirectoryMissing);
    CPPUNIT_TEST(rebindUnderLoad);
    CPPUNIT_TEST(listenerRemoved);
    CPPUNIT_TEST(gracefulStop);
    CPPUNIT_TEST(enginesComeAndGo);
    CPPUNIT_TEST_SUITE_END();

    // H31: the worker waits for the client; the router holds no more than the window.
    void slowReader()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        constexpr std::uint64_t kSize = 64u << 20;
        Client client(*server.socket, 16 * 1024);
        client.send(get("/big?" + std::to_string(kSize)));
        std::uint32_t most = 0;
        const ipc::UnitPool &pool = server.workers[0]->view()->pool;
        const std::uint32_t units = server.workers[0]->view()->segment.units();
        std::uint64_t got = 0;
        char buffer[64 * 1024];
        while (got < kSize) {
            const ssize_t n = recv(client.fd(), buffer, sizeof buffer, 0);
            CPPUNIT_ASSERT(n > 0);
            got += static_cast<std::uint64_t>(n);
            most = std::max(most, units - pool.freeCount());
        }
        CPPUNIT_ASSERT(most <= ipc::kReplyWindow / ipc::kUnit + ipc::kMaxRun);
        CPPUNIT_ASSERT(server.isClean());
    }

    void halfClosed() // H25
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        for (int i = 0; i < 10; i++) {
            Client client(*server.socket);
            client.send(get("/hello") + get("/big?2000000"));
            client.finishSending();
            CPPUNIT_ASSERT_EQUAL(std::string("hello"), client.response().body);
            CPPUNIT_ASSERT_EQUAL(std::size_t{2'000'000}, client.response().body.size());
            CPPUNIT_ASSERT(client.isClosed());
        }
        CPPUNIT_ASSERT(server.isClean());
    }

    // I5: before it is taken, after it is taken, in the middle of the answer.
    void randomDisconnects()
    {
        Server server(2, 2, 2);
        CPPUNIT_ASSERT(server.serve());
        constexpr int kThreads = 3, kRounds = 1000;
        std::vector<std::thread> clients;
        for (unsigned t = 0; t < kThreads; t++) {
            clients.emplace_back([&server, t] {
                std::mt19937 random(t);
                const std::vector<std::string> requests = {
                    get("/hello"), get("/parts"), get("/big?3000000"), get("/abort"),
                    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" +
                        std::string(300'000, 'b')};
                for (int i = 0; i < kRounds; i++) {
                    Client client(*server.socket);
                    const std::string &request = requests[random() % requests.size()];
                    if (random() % 3 == 0) {
                        client.send(std::string_view(request).substr(0, random() % request.size()));
                    } else {
                        client.send(request);
                        if (random() % 2 == 0) {
                            client.receive(50'000);
                        }
                    }
                    if (random() % 2 == 0) {
                        client.reset();
                    }
                }
            });
        }
        for (std::thread &client : clients) {
            client.join();
        }
        CPPUNIT_ASSERT(server.isClean());
        Client client(*server.socket);
        client.send(get("/hello"));
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), client.response().body);
        client.close();
        CPPUNIT_ASSERT(eventually([&] { return open(server) == 0; }));
    }

    static std::uint64_t open(Server &server)
    {
        std::uint64_t count = 0;
        for (auto &engine : server.engines) {
            count += engine->counters().idle + engine->counters().active;
        }
        return count;
    }

    void portScans() // H24
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        for (int i = 0; i < 2000; i++) {
            Client client(*server.socket);
            if (i % 3 != 0) {
                client.send(i % 3 == 1 ? "GET / HT"
                                       : "POST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\nab");
            }
            if (i % 2 == 0) {
                client.reset();
            }
        }
        CPPUNIT_ASSERT(eventually([&] { return open(server) == 0; }));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server.application->requests.load());
    }

    void refusedUploadReadsAnswer() // H21
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        for (int i = 0; i < 5; i++) {
            Client client(*server.socket);
            const bool all = client.send("POST /echo HTTP/1.1\r\nHost: a\r\n"
                                         "Content-Length: 20000000\r\n\r\n" +
                                         std::string(20'000'000, 'c'));
            CPPUNIT_ASSERT(all);
            CPPUNIT_ASSERT_EQUAL(413u, client.response().status());
            CPPUNIT_ASSERT(client.isClosed());
        }
        CPPUNIT_ASSERT(eventually([&] { return open(server) == 0; }));
    }

    void queuedRequestOfLeftClient() // I9
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client busy(*server.socket);
        busy.send(get("/hang"));
        CPPUNIT_ASSERT(eventually([&] { return server.workers[0]->taken() == 1; }));
        {
            Client left(*server.socket);
            left.send(get("/hello"));
            CPPUNIT_ASSERT(eventually([&] { return server.application->inFlight >= 3; }));
        }
        CPPUNIT_ASSERT(eventually([&] { return open(server) == 1; }));
        server.workers[0]->release();
        CPPUNIT_ASSERT_EQUAL(std::string("released"), busy.response().body);
        busy.send(get("/hello"));
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), busy.response().body);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, server.workers[0]->taken());
        CPPUNIT_ASSERT(server.isClean());
    }

    void timeouts()
    {
        Server server;
        server.settings.idleTimeout = 60ms;
        server.settings.headerReadTimeout = 60ms;
        server.settings.bodyReadTimeout = 60ms;
        server.settings.sendTimeout = 60ms;
        CPPUNIT_ASSERT(server.serve());
        Client idle(*server.socket);
        Client::Response r = idle.response();
        CPPUNIT_ASSERT_EQUAL(408u, r.status());
        CPPUNIT_ASSERT(r.has("Content-Length: 0") && idle.isClosed());
        Client header(*server.socket);
        header.send("GET / HT");
        r = header.response();
        CPPUNIT_ASSERT_EQUAL(408u, r.status());
        CPPUNIT_ASSERT(!r.body.empty() && header.isClosed());
        Client body(*server.socket);
        body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
        CPPUNIT_ASSERT_EQUAL(408u, body.response().status());
        Client stalled(*server.socket, 4096);
        stalled.send(get("/big?50000000"));
        CPPUNIT_ASSERT(eventually([&] { return server.workers[0]->cancelled() != 0; })); // cut
        CPPUNIT_ASSERT(server.isClean());
    }

    void workerDies() // P2
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client taken(*server.socket), answering(*server.socket), queued(*server.socket);
        taken.send(get("/hang"));
        CPPUNIT_ASSERT(eventually([&] { return server.workers[0]->taken() == 1; }));
        queued.send(get("/hello"));
        CPPUNIT_ASSERT(eventually([&] { return server.application->inFlight >= 3; }));
        FakeWorker &other = server.addWorker(1, 1);
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), queued.response().body); // by the other one
        answering.send(get("/late"));
        CPPUNIT_ASSERT(answering.receive());
        CPPUNIT_ASSERT(server.killWorker(0));
        CPPUNIT_ASSERT_EQUAL(503u, taken.response().status());
        CPPUNIT_ASSERT(server.killWorker(1));
        CPPUNIT_ASSERT(!answering.response().complete); // its head was out: cut
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, other.taken());
        CPPUNIT_ASSERT(eventually([&] { return rig::isClean(*server.application); }));
        server.addWorker(0, 0); // the number again
        queued.send(get("/hello"));
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), queued.response().body);
    }

    void applicationDown() // P5: all of them, not one
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client busy(*server.socket);
        busy.send(get("/hang"));
        CPPUNIT_ASSERT(eventually([&] { return server.workers[0]->taken() == 1; }));
        std::vector<std::unique_ptr<Client>> waiting;
        for (int i = 0; i < 20; i++) {
            waiting.push_back(std::make_unique<Client>(*server.socket));
            waiting.back()->send(get("/hello"));
        }
        CPPUNIT_ASSERT(eventually([&] { return server.application->inFlight >= 22; }));
        server.application->running = 0;
        CPPUNIT_ASSERT(server.killWorker(0));
        server.engines[0]->applicationDown(server.application);
        CPPUNIT_ASSERT_EQUAL(503u, busy.response().status());
        for (auto &client : waiting) {
            CPPUNIT_ASSERT_EQUAL(503u, client->response().status());
        }
        CPPUNIT_ASSERT(eventually([&] { return rig::isClean(*server.application); }));
    }

    void noWorker()
    {
        Server server(1, 0);
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket);
        client.send(get("/hello"));
        CPPUNIT_ASSERT_EQUAL(503u, client.response().status());
        server.application->starting = 1; // now it waits for the one that comes
        client.send(get("/hello"));
        CPPUNIT_ASSERT(
            eventually([&] { return server.application->workspace()->queue().backlog() == 1; }));
        server.addWorker(0, 0);
        CPPUNIT_ASSERT_EQUAL(200u, client.response().status());
    }

    void spoolDirectoryMissing()
    {
        Server server;
        const std::string directory = server.settings.bodyTempPath;
        server.settings.bodyTempPath = directory + "/none";
        CPPUNIT_ASSERT(server.serve());
        Client client(*server.socket);
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" +
                    std::string(50'000, 'd'));
        CPPUNIT_ASSERT_EQUAL(500u, client.response().status());
        CPPUNIT_ASSERT(server.isClean());
        server.settings.bodyTempPath = directory;
    }

    // C1: keep-alive clients never notice a reload; old generations go.
    void rebindUnderLoad()
    {
        Server server(2, 2);
        CPPUNIT_ASSERT(server.serve());
        std::atomic<bool> quit{false};
        std::atomic<int> failed{0}, served{0};
        std::vector<std::thread> clients;
        for (int t = 0; t < 4; t++) {
            clients.emplace_back([&] {
                Client client(*server.socket);
                while (!quit) {
                    client.send(get("/hello"));
                    (client.response().body == "hello" ? served : failed)++;
                }
            });
        }
        std::vector<std::weak_ptr<const config::ConfigSnapshot>> old;
        for (int i = 0; i < 300; i++) {
            config::SnapshotPtr next = server.snapshot({server.socket});
            old.push_back(next);
            CPPUNIT_ASSERT(server.adopt(next));
        }
        CPPUNIT_ASSERT(eventually([&] { return served > 500; }));
        quit = true;
        for (std::thread &client : clients) {
            client.join();
        }
        CPPUNIT_ASSERT_EQUAL(0, failed.load());
        CPPUNIT_ASSERT(eventually([&] {
            return std::count_if(old.begin(), old.end(),
                                 [](const auto &one) { return !one.expired(); }) == 1;
        }));
        CPPUNIT_ASSERT(server.isClean());
    }

    void listenerRemoved() // C6
    {
        Server server;
        const auto other = listenTcp();
        CPPUNIT_ASSERT(server.adopt(server.snapshot({server.socket, other})));
        Client idle(*other), busy(*other), stays(*server.socket);
        for (Client *client : {&idle, &stays}) {
            client->send(get("/hello"));
            CPPUNIT_ASSERT_EQUAL(200u, client->response().status());
        }
        busy.send(get("/hang"));
        CPPUNIT_ASSERT(eventually([&] { return server.workers[0]->taken() == 3; }));
        Client queued(*other); // accepted by the kernel before the change
        queued.send(get("/hello"));
        CPPUNIT_ASSERT(server.serve());
        CPPUNIT_ASSERT(idle.isClosed());
        server.workers[0]->release();
        Client::Response r = busy.response();
        CPPUNIT_ASSERT_EQUAL(std::string("released"), r.body);
        CPPUNIT_ASSERT(r.has("Connection: close") && busy.isClosed());
        r = queued.response();
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), r.body);
        CPPUNIT_ASSERT(queued.isClosed());
        stays.send(get("/hello"));
        CPPUNIT_ASSERT_EQUAL(200u, stays.response().status());
        CPPUNIT_ASSERT(server.isClean());
        CPPUNIT_ASSERT_EQUAL(1L, other.use_count());
    }

    void gracefulStop() // P13, P14
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client idle(*server.socket), busy(*server.socket), fresh(*server.socket);
        idle.send(get("/hello"));
        CPPUNIT_ASSERT_EQUAL(200u, idle.response().status());
        busy.send(get("/hang"));
        CPPUNIT_ASSERT(eventually([&] { return server.workers[0]->taken() == 2; }));
        fresh.send(get("/hello"));
        Countdown stopped, ignored;
        server.engines[0]->stop(60s, stopped.done());
        CPPUNIT_ASSERT(idle.isClosed());
        server.engines[0]->stop(50s, ignored.done());
        server.workers[0]->release();
        CPPUNIT_ASSERT_EQUAL(std::string("released"), busy.response().body);
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), fresh.response().body);
        CPPUNIT_ASSERT(stopped.wait());
        server.engines.clear();
        CPPUNIT_ASSERT(server.isClean());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, server.application->inFlight.load());
    }

    // I7: a worker still has a request of an engine that is cut off; another engine of the same
    // number inherits what is left of it.
    void enginesComeAndGo()
    {
        Server server;
        for (int round = 0; round < 5; round++) {
            CPPUNIT_ASSERT(server.serve());
            Client client(*server.socket);
            const std::uint64_t before = server.workers.back()->taken();
            for (int i = 0; i < 100; i++) {
                client.send(get("/hello"));
                CPPUNIT_ASSERT_EQUAL(std::string("hello"), client.response().body);
            }
            client.send(get("/hang"));
            CPPUNIT_ASSERT(
                eventually([&] { return server.workers.back()->taken() == before + 101; }));
            CPPUNIT_ASSERT(server.stop(0ms));
            server.addEngine(0);
        }
        CPPUNIT_ASSERT(server.serve());
        server.workers[0]->release();
        CPPUNIT_ASSERT(server.isClean());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(TroubleTest);

} // namespace
