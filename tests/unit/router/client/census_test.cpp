// Old generations: what still uses them is counted, and cut when they expire. Counters of engines.
#include "router/rig/server.hpp"

#include <cppunit/extensions/HelperMacros.h>

using namespace patchbay;
using namespace patchbay::rig;

namespace {

using Uses = std::vector<config::GenerationUse>;

class CensusTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CensusTest);
    CPPUNIT_TEST(everyGenerationInUseIsCounted);
    CPPUNIT_TEST(whatExpiresIsCut);
    CPPUNIT_TEST(theYoungerStay);
    CPPUNIT_TEST(connectionsOfAClosedListenerExpireToo);
    CPPUNIT_TEST(anEngineThatHasEndedStillAnswers);
    CPPUNIT_TEST(movedConnectionsAreCountedOnce);
    CPPUNIT_TEST_SUITE_END();

    static Uses census(Server &server, std::size_t engine = 0)
    {
        Uses uses;
        Countdown counted;
        server.engines[engine]->census([&uses, done = counted.done()](Uses found) {
            uses = std::move(found);
            done();
        });
        CPPUNIT_ASSERT(counted.wait());
        return uses;
    }

    static void expect(const config::GenerationUse &use, std::uint64_t generation,
                       std::uint32_t bindings, std::uint32_t connections, std::uint32_t requests)
    {
        CPPUNIT_ASSERT_EQUAL(generation, use.generation);
        CPPUNIT_ASSERT_EQUAL(bindings, use.bindings);
        CPPUNIT_ASSERT_EQUAL(connections, use.connections);
        CPPUNIT_ASSERT_EQUAL(requests, use.requests);
    }

    // A request at the application, half a body, half a header; and a connection that is idle.
    struct Busy {
        explicit Busy(Server &server)
            : idle(*server.socket), waiting(*server.socket), upload(*server.socket),
              header(*server.socket)
        {
            idle.send(get("/hello"));
            CPPUNIT_ASSERT_EQUAL(200u, idle.response().status());
            waiting.send(get("/hang"));
            upload.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
            header.send("GET / HT");
            CPPUNIT_ASSERT(eventually([&] {
                const client::EngineCounters &counters = server.engines[0]->counters();
                return server.workers[0]->taken() == 2 && counters.active == 3 &&
                       counters.idle == 1;
            }));
        }
        Client idle, waiting, upload, header;
    };

    void everyGenerationInUseIsCounted()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server.application->bindings.load());
        Busy busy(server);
        Uses uses = census(server);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, uses.size());
        expect(uses[0], 1, 1, 3, 1);
        CPPUNIT_ASSERT(server.serve());
        Client fresh(*server.socket);
        fresh.send("GET / HT");
        CPPUNIT_ASSERT(eventually([&] { return server.engines[0]->counters().active == 4; }));
        uses = census(server);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, uses.size());
        expect(uses[0], 1, 1, 3, 1);
        expect(uses[1], 2, 1, 1, 0);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, server.application->bindings.load());
    }

    void whatExpiresIsCut()
    {
        Server server(1, 1, 2);
        config::SnapshotPtr first = server.snapshot({server.socket});
        std::weak_ptr<const config::ConfigSnapshot> old = first;
        CPPUNIT_ASSERT(server.adopt(std::exchange(first, nullptr)));
        Busy busy(server);
        Client slow(*server.socket, 4096);
        slow.send(get("/big?50000000"));
        CPPUNIT_ASSERT(eventually([&] { return server.workers[0]->taken() == 3; }));
        CPPUNIT_ASSERT(server.serve());
        CPPUNIT_ASSERT(!old.expired());
        server.engines[0]->expire(1);
        CPPUNIT_ASSERT(eventually([&] { return old.expired(); }));
        for (Client *client : {&busy.waiting, &busy.upload, &busy.header}) {
            CPPUNIT_ASSERT(client->isClosed());
        }
        while (slow.receive()) {
        }
        busy.idle.send(get("/status?201")); // it had moved on
        server.workers[0]->release();
        CPPUNIT_ASSERT_EQUAL(201u, busy.idle.response().status());
        CPPUNIT_ASSERT(server.isClean());
        CPPUNIT_ASSERT(server.application->clientGone >= 1);
        const Uses uses = census(server);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, uses.size());
        expect(uses[0], 2, 1, 0, 0);
    }

    void theYoungerStay()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Client first(*server.socket), second(*server.socket), third(*server.socket);
        std::uint64_t active = 0;
        for (Client *client : {&first, &second, &third}) {
            client->send("GET /hello HTTP/1.1\r\nHost: a\r\n");
            active++;
            CPPUNIT_ASSERT(
                eventually([&] { return server.engines[0]->counters().active == active; }));
            CPPUNIT_ASSERT(server.serve());
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, census(server).size());
        server.engines[0]->expire(2);
        CPPUNIT_ASSERT(first.isClosed() && second.isClosed());
        third.send("\r\n");
        CPPUNIT_ASSERT_EQUAL(200u, third.response().status());
        CPPUNIT_ASSERT(server.isClean());
    }

    // They keep its last binding until they are closed, even those that only linger.
    void connectionsOfAClosedListenerExpireToo()
    {
        Server server;
        const auto other = listenTcp();
        CPPUNIT_ASSERT(server.adopt(server.snapshot({server.socket, other})));
        Client lingers(*other), busy(*other);
        lingers.send("GET /hello HTTP/9.9\r\n\r\n"); // an error of the client's
        CPPUNIT_ASSERT(lingers.receive());
        busy.send(get("/hang"));
        CPPUNIT_ASSERT(eventually([&] { return server.workers[0]->taken() == 1; }));
        CPPUNIT_ASSERT(server.serve());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, server.application->bindings.load());
        server.engines[0]->expire(1);
        CPPUNIT_ASSERT(busy.isClosed());
        CPPUNIT_ASSERT(eventually([&] { return server.application->bindings == 1; }));
        CPPUNIT_ASSERT(eventually([&] { return other.use_count() == 1; }));
    }

    void anEngineThatHasEndedStillAnswers()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        Countdown stopped, counted;
        server.engines[0]->stop(0ms, stopped.done());
        CPPUNIT_ASSERT(stopped.wait());
        server.engines[0]->census([done = counted.done()](const Uses &found) {
            CPPUNIT_ASSERT(found.empty());
            done();
        });
        server.engines[0]->expire(1);
        server.engines.clear();
        CPPUNIT_ASSERT(counted.wait());
    }

    void movedConnectionsAreCountedOnce()
    {
        Server server;
        CPPUNIT_ASSERT(server.serve());
        std::vector<std::unique_ptr<Client>> clients;
        for (int i = 0; i < 10; i++) {
            clients.push_back(std::make_unique<Client>(*server.socket));
            clients.back()->send(get("/hello"));
            CPPUNIT_ASSERT_EQUAL(200u, clients.back()->response().status());
        }
        server.addEngine(1);
        Countdown switched(2);
        server.engines[1]->adopt(server.snapshot({server.socket}), switched.done());
        server.engines[0]->retire(*server.engines[1], switched.done());
        CPPUNIT_ASSERT(switched.wait());
        const client::EngineCounters &from = server.engines[0]->counters();
        const client::EngineCounters &to = server.engines[1]->counters();
        CPPUNIT_ASSERT(eventually([&] { return to.idle == 10; }));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{10}, from.accepted + to.accepted);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, from.closed + to.closed);
        for (auto &client : clients) {
            client->send(get("/hello"));
            CPPUNIT_ASSERT_EQUAL(200u, client->response().status());
        }
        clients.clear();
        CPPUNIT_ASSERT(eventually([&] { return from.closed + to.closed == 10; }));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{20}, from.requests + to.requests);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(CensusTest);

} // namespace
