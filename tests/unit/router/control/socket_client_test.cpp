// Opening listening sockets through main (seed S24, S25, S28; C7, C8, C11).
#include "fake_world.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>

namespace {

using namespace patchbay;
using namespace patchbay::control;
using namespace patchbay::control::test;

pb_socket_spec specOf(const std::string &canonical, int backlog = -1)
{
    pb_socket_spec spec{};
    spec.struct_size = sizeof spec;
    spec.type = SOCK_STREAM;
    spec.backlog = backlog;
    spec.address.ss_family = AF_UNIX;
    canonical.copy(spec.canonical, sizeof spec.canonical - 1);
    return spec;
}

sockaddr_in inetAddress(const char *host, in_port_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = port;
    ::inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

pb_socket_spec inetSpec(const char *host, in_port_t port)
{
    pb_socket_spec spec = specOf(std::string(host) + ":" + std::to_string(ntohs(port)));
    sockaddr_in address = inetAddress(host, port);
    std::memcpy(&spec.address, &address, sizeof address);
    spec.address_size = sizeof address;
    return spec;
}

// As main/socket_binder does it.
int bindReally(const pb_socket_spec &spec, UniqueFd &fd)
{
    fd.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    int one = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    const auto *address = reinterpret_cast<const sockaddr *>(&spec.address);
    if (::bind(fd.get(), address, spec.address_size) != 0 || ::listen(fd.get(), 16) != 0) {
        int error = errno;
        fd.reset();
        return error;
    }
    return 0;
}

in_port_t freePort()
{
    UniqueFd fd;
    bindReally(inetSpec("0.0.0.0", 0), fd);
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr *>(&address), &size);
    return address.sin_port;
}

// Does a connection to 127.0.0.1:port arrive at this socket?
bool arrivesAt(int listener, in_port_t port)
{
    UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = inetAddress("127.0.0.1", port);
    if (::connect(client.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) {
        return false;
    }
    pollfd wait{listener, POLLIN, 0};
    ::poll(&wait, 1, 5000);
    UniqueFd accepted(::accept(listener, nullptr, nullptr));
    return static_cast<bool>(accepted);
}

class SocketClientTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SocketClientTest);
    CPPUNIT_TEST(anOpenSocketIsSharedNotAskedForAgain);
    CPPUNIT_TEST(aFailureClosesWhatWasOpened);
    CPPUNIT_TEST(unnamedSocketsAreClosedAtOnceThoughSomebodyHoldsThem);
    CPPUNIT_TEST(aSocketComesBackWhileTheOldOneIsHeld);
    CPPUNIT_TEST(aLateCloseDoesNotHitASocketOpenedAgain);
    CPPUNIT_TEST(aChangedBacklogIsSetAfterTheSwitch);
    CPPUNIT_TEST(wildcardAndSpecificTakeTurns);
    CPPUNIT_TEST(whatMadeRoomIsBackAfterARollback);
    CPPUNIT_TEST(aForeignSocketInTheWayIsAnError);
    CPPUNIT_TEST_SUITE_END();

public:
    void anOpenSocketIsSharedNotAskedForAgain()
    {
        auto first = commit({specOf("a"), specOf("b")});
        auto second = commit({specOf("b"), specOf("a")});
        CPPUNIT_ASSERT(first[0] == second[1]);
        CPPUNIT_ASSERT(first[1] == second[0]);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world_.main.asked.size());
    }

    void aFailureClosesWhatWasOpened()
    {
        auto kept = commit({specOf("a")});
        world_.faults.sockets["c"] = EACCES;
        {
            SocketClient::Batch batch(world_.sockets, {specOf("a"), specOf("b"), specOf("c")});
            std::vector<SocketFailure> failures = batch.open();
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, failures.size());
            CPPUNIT_ASSERT_EQUAL(std::size_t{2}, failures[0].index);
            CPPUNIT_ASSERT_EQUAL(EACCES, failures[0].error);
            CPPUNIT_ASSERT(batch.sockets()[1] != nullptr && batch.sockets()[2] == nullptr);
        }
        world_.settle();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_.main.sockets.size());
        CPPUNIT_ASSERT(world_.main.sockets.contains("a"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_.sockets.open());
    }

    void unnamedSocketsAreClosedAtOnceThoughSomebodyHoldsThem()
    {
        auto pinned = commit({specOf("a")}); // an old generation with a request in flight
        commit({});
        CPPUNIT_ASSERT_EQUAL(-1, pinned[0]->fd());
        CPPUNIT_ASSERT(world_.main.sockets.empty());
    }

    void aSocketComesBackWhileTheOldOneIsHeld()
    {
        auto pinned = commit({specOf("a")});
        commit({});
        auto again = commit({specOf("a")});
        CPPUNIT_ASSERT(again[0] != pinned[0]);
        CPPUNIT_ASSERT(again[0]->fd() >= 0);
        pinned.clear();
        world_.settle();
        CPPUNIT_ASSERT(world_.main.sockets.contains("a"));
    }

    void aLateCloseDoesNotHitASocketOpenedAgain()
    {
        auto sockets = commit({specOf("a")});
        sockets.clear(); // the message to main waits in the mailbox
        sockets = commit({specOf("a")});
        world_.settle();
        CPPUNIT_ASSERT(world_.main.sockets.contains("a"));
        sockets.clear();
        world_.settle();
        CPPUNIT_ASSERT(world_.main.sockets.empty());
    }

    void aChangedBacklogIsSetAfterTheSwitch()
    {
        auto first = commit({specOf("a", 5)});
        {
            SocketClient::Batch refused(world_.sockets, {specOf("a", 7)});
            refused.open();
            refused.displace();
        }
        world_.settle();
        CPPUNIT_ASSERT_EQUAL(5, world_.main.backlogs["a"]);
        auto second = commit({specOf("a", 7)});
        CPPUNIT_ASSERT_EQUAL(7, world_.main.backlogs["a"]);
        CPPUNIT_ASSERT(first[0] == second[0]);
        std::size_t asked = world_.main.asked.size();
        commit({specOf("a", 7)});
        CPPUNIT_ASSERT_EQUAL(asked, world_.main.asked.size());
    }

    void wildcardAndSpecificTakeTurns()
    {
        world_.main.bind = bindReally;
        in_port_t port = freePort();
        auto wildcard = commit({inetSpec("0.0.0.0", port)});
        CPPUNIT_ASSERT(arrivesAt(wildcard[0]->fd(), port));
        auto specific = commit({inetSpec("127.0.0.1", port)});
        CPPUNIT_ASSERT(arrivesAt(specific[0]->fd(), port));
        auto back = commit({inetSpec("0.0.0.0", port)});
        CPPUNIT_ASSERT(arrivesAt(back[0]->fd(), port));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_.main.sockets.size());
    }

    void whatMadeRoomIsBackAfterARollback()
    {
        world_.main.bind = bindReally;
        in_port_t port = freePort();
        auto running = commit({inetSpec("0.0.0.0", port)});
        {
            SocketClient::Batch batch(world_.sockets, {inetSpec("127.0.0.1", port)});
            batch.open();
            CPPUNIT_ASSERT(arrivesAt(running[0]->fd(), port)); // nothing has changed yet
            batch.displace();
            CPPUNIT_ASSERT(arrivesAt(batch.sockets()[0]->fd(), port));
        }
        world_.settle();
        CPPUNIT_ASSERT(arrivesAt(running[0]->fd(), port));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_.main.sockets.size());
    }

    void aForeignSocketInTheWayIsAnError()
    {
        world_.main.bind = bindReally;
        in_port_t port = freePort();
        UniqueFd foreign;
        CPPUNIT_ASSERT_EQUAL(0, bindReally(inetSpec("0.0.0.0", port), foreign));
        SocketClient::Batch batch(world_.sockets, {inetSpec("127.0.0.1", port)});
        CPPUNIT_ASSERT_EQUAL(EADDRINUSE, batch.open().at(0).error);
    }

private:
    std::vector<SocketPtr> commit(std::vector<pb_socket_spec> specs)
    {
        SocketClient::Batch batch(world_.sockets, std::move(specs));
        batch.open();
        batch.displace();
        batch.commit();
        return batch.sockets();
    }

    World world_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(SocketClientTest);

} // namespace
