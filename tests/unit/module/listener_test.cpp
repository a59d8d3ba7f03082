// The shipped listener modules, loaded as the router loads them: address tables (config.md 3.1),
// options, and accepted descriptors.
#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "module/host.hpp"
#include "module/instance.hpp"
#include "module/loader.hpp"
#include "json/reader.hpp"
#include "json/schema.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>

namespace {

using namespace patchbay;
using namespace patchbay::modules;

std::string file(const char *name)
{
    return std::string(PB_MODULES_DIR "/") + name + ".so";
}

ListenerInstance instance(const char *name, std::string_view options = "{}")
{
    return {LoadedModule::load(file(name)), host(), options};
}

// "" when resolving fails the way it should, else what came instead.
std::string refusalFault(const ListenerInstance &listener, const std::string &address)
{
    try {
        return "resolved to " + std::string(listener.resolve(address).canonical);
    } catch (const InvalidAddress &e) {
        const std::string wanted = "The listener address \"" + address + "\" is invalid.";
        if (std::string_view(e.what()) != wanted.c_str()) { // what() ends at a null character
            return e.what();
        }
        return e.reason().empty() ? "no reason is given" : "";
    }
}

class ListenerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ListenerTest);
    CPPUNIT_TEST(tcpAddresses);
    CPPUNIT_TEST(tcpSocketAddress);
    CPPUNIT_TEST(tcpRefusals);
    CPPUNIT_TEST(unixAddresses);
    CPPUNIT_TEST(unixSocketAddress);
    CPPUNIT_TEST(unixSpellings);
    CPPUNIT_TEST(unixRefusals);
    CPPUNIT_TEST(backlog);
    CPPUNIT_TEST(backlogSchema);
    CPPUNIT_TEST(acceptsOverTcp);
    CPPUNIT_TEST(acceptsOverUnix);
    CPPUNIT_TEST_SUITE_END();

    void tcpAddresses()
    {
        const std::pair<const char *, const char *> table[] = {
            {"127.0.0.1:80", "127.0.0.1:80"},
            {"127.0.0.1:080", "127.0.0.1:80"},
            {"*:80", "0.0.0.0:80"},
            {"0.0.0.0:80", "0.0.0.0:80"},
            {"*:1", "0.0.0.0:1"},
            {"*:65535", "0.0.0.0:65535"},
            {"255.255.255.255:80", "255.255.255.255:80"},
            {"[::1]:80", "[::1]:80"},
            {"[0:0:0:0:0:0:0:1]:80", "[::1]:80"},
            {"[0000::0001]:80", "[::1]:80"},
            {"[::]:80", "[::]:80"},
            {"[FE80::A]:8080", "[fe80::a]:8080"},
            {"[::ffff:1.2.3.4]:80", "[::ffff:1.2.3.4]:80"},
        };
        const ListenerInstance tcp = instance("listener_tcp");
        for (const auto &[address, canonical] : table) {
            const pb_socket_spec spec = tcp.resolve(address);
            CPPUNIT_ASSERT_EQUAL(std::string(canonical), std::string(spec.canonical));
            CPPUNIT_ASSERT_EQUAL(std::int32_t{SOCK_STREAM}, spec.type);
            CPPUNIT_ASSERT_EQUAL(-1, spec.backlog);
            std::uint32_t flags = PB_SOCKET_NODELAY;
            if (address[0] == '[') {
                flags |= PB_SOCKET_V6ONLY;
            }
            CPPUNIT_ASSERT_EQUAL(flags, spec.flags);
        }
    }

    void tcpSocketAddress()
    {
        const ListenerInstance tcp = instance("listener_tcp");
        const pb_socket_spec v4 = tcp.resolve("10.1.2.3:8080");
        sockaddr_in in{};
        CPPUNIT_ASSERT_EQUAL(sizeof in, std::size_t{v4.address_size});
        std::memcpy(&in, &v4.address, sizeof in);
        CPPUNIT_ASSERT_EQUAL(sa_family_t{AF_INET}, in.sin_family);
        CPPUNIT_ASSERT_EQUAL(htons(8080), in.sin_port);
        CPPUNIT_ASSERT_EQUAL(inet_addr("10.1.2.3"), in.sin_addr.s_addr);

        const pb_socket_spec v6 = tcp.resolve("[::1]:443");
        sockaddr_in6 in6{};
        CPPUNIT_ASSERT_EQUAL(sizeof in6, std::size_t{v6.address_size});
        std::memcpy(&in6, &v6.address, sizeof in6);
        CPPUNIT_ASSERT_EQUAL(sa_family_t{AF_INET6}, in6.sin6_family);
        CPPUNIT_ASSERT_EQUAL(htons(443), in6.sin6_port);
        CPPUNIT_ASSERT(IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr));
    }

    void tcpRefusals()
    {
        using namespace std::string_literals;
        const ListenerInstance tcp = instance("listener_tcp");
        for (const std::string &address : {"localhost:80"s,
                                           ":80"s,
                                           "::1:80"s,
                                           "*:80x"s,
                                           "*:x80"s,
                                           "*:"s,
                                           "*"s,
                                           ""s,
                                           ":"s,
                                           "80"s,
                                           "127.0.0.1"s,
                                           "127.0.0.1:"s,
                                           "127.0.0.1:0"s,
                                           "127.0.0.1:65536"s,
                                           "127.0.0.1:-1"s,
                                           "127.0.0.1:+1"s,
                                           "127.0.0.1: 80"s,
                                           "127.0.0.1:80 "s,
                                           " 127.0.0.1:80"s,
                                           "127.0.0.1:99999999999"s,
                                           "127.0.0:80"s,
                                           "127.1:80"s,
                                           "256.0.0.1:80"s,
                                           "1.2.3.4.5:80"s,
                                           "0x7f.0.0.1:80"s,
                                           "**:80"s,
                                           "[*]:80"s,
                                           "[]:80"s,
                                           "[:80"s,
                                           "]:80"s,
                                           "[::1]"s,
                                           "[::1]80"s,
                                           "[::1:80"s,
                                           "::1]:80"s,
                                           "[::g]:80"s,
                                           "[127.0.0.1]:80"s,
                                           "[fe80::1%lo]:80"s,
                                           "[::1]]:80"s,
                                           "127.0.0.1\0:80"s,
                                           "127.0.0.1:80\0"s,
                                           "[::1\0]:80"s,
                                           "*\0:80"s,
                                           "127.0.0.1:80:80"s,
                                           "*:0x50"s}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(address, ""s, refusalFault(tcp, address));
        }
    }

    void unixAddresses()
    {
        const ListenerInstance unixs = instance("listener_unix");
        const pb_socket_spec spec = unixs.resolve("unix:/tmp/a.sock");
        CPPUNIT_ASSERT_EQUAL(std::string("unix:/tmp/a.sock"), std::string(spec.canonical));
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_SOCKET_UNLINK}, spec.flags);
        CPPUNIT_ASSERT_EQUAL(0666u, spec.mode);
        CPPUNIT_ASSERT_EQUAL(-1, spec.backlog);
        const pb_socket_spec abstract = unixs.resolve("unix:@app");
        CPPUNIT_ASSERT_EQUAL(std::string("unix:@app"), std::string(abstract.canonical));
        CPPUNIT_ASSERT_EQUAL(0u, abstract.flags);
    }

    void unixSocketAddress()
    {
        const ListenerInstance unixs = instance("listener_unix");
        const auto pathOf = [&](const std::string &address) {
            const pb_socket_spec spec = unixs.resolve(address);
            sockaddr_un un{};
            std::memcpy(&un, &spec.address, sizeof un);
            CPPUNIT_ASSERT_EQUAL(sa_family_t{AF_UNIX}, un.sun_family);
            return std::string(un.sun_path, spec.address_size - offsetof(sockaddr_un, sun_path));
        };
        using namespace std::string_literals;
        CPPUNIT_ASSERT_EQUAL("/tmp/a.sock\0"s, pathOf("unix:/tmp/a.sock"));
        CPPUNIT_ASSERT_EQUAL("rel\0"s, pathOf("unix:rel"));
        CPPUNIT_ASSERT_EQUAL("\0app"s, pathOf("unix:@app"));
        const std::string longest(107, 'p');
        CPPUNIT_ASSERT_EQUAL(longest + '\0', pathOf("unix:" + longest));
        const std::string longestName(106, 'n');
        CPPUNIT_ASSERT_EQUAL('\0' + longestName, pathOf("unix:@" + longestName));
    }

    // One file has one canonical name, however it is spelled.
    void unixSpellings()
    {
        const ListenerInstance unixs = instance("listener_unix");
        const auto canonical = [&](const std::string &address) {
            return std::string(unixs.resolve(address).canonical);
        };
        CPPUNIT_ASSERT_EQUAL(canonical("unix:/tmp/a"), canonical("unix:/tmp//./x/../a"));
        const std::string here = std::filesystem::current_path();
        CPPUNIT_ASSERT_EQUAL(canonical("unix:rel"), canonical("unix:./rel"));
        if (here.size() < 100) {
            CPPUNIT_ASSERT_EQUAL(canonical("unix:rel"), canonical("unix:" + here + "/rel"));
        }
        CPPUNIT_ASSERT(canonical("unix:@a") != canonical("unix:a"));

        std::string dir = std::filesystem::temp_directory_path() / "pb-listener-XXXXXX";
        CPPUNIT_ASSERT(::mkdtemp(dir.data()) != nullptr);
        std::filesystem::create_directory(dir + "/real");
        std::filesystem::create_directory_symlink(dir + "/real", dir + "/link");
        CPPUNIT_ASSERT_EQUAL(canonical("unix:" + dir + "/real/a"),
                             canonical("unix:" + dir + "/link/a"));
        std::filesystem::remove_all(dir);
    }

    void unixRefusals()
    {
        using namespace std::string_literals;
        const ListenerInstance unixs = instance("listener_unix");
        for (const std::string &address : {"unix:"s, "unix:@"s, "unix:"s + std::string(108, 'p'),
                                           "unix:@"s + std::string(107, 'n'), "unix:/tmp/a\0b"s,
                                           "unix:@a\0"s, "unix"s, ""s, "/tmp/a"s}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(address, ""s, refusalFault(unixs, address));
        }
    }

    void backlog()
    {
        const std::pair<const char *, std::int32_t> table[] = {
            {"{}", -1},
            {R"({"backlog":-1})", -1},
            {R"({"backlog":0})", 0},
            {R"({"backlog":511})", 511},
            {R"({"backlog":511.0})", 511},
            {R"({"backlog":5.11e2})", 511},
            {R"({"backlog":2147483647})", 2147483647},
        };
        for (const auto &[options, backlog] : table) {
            CPPUNIT_ASSERT_EQUAL(backlog,
                                 instance("listener_tcp", options).resolve("*:80").backlog);
            CPPUNIT_ASSERT_EQUAL(backlog,
                                 instance("listener_unix", options).resolve("unix:a").backlog);
        }
    }

    void backlogSchema()
    {
        for (const char *name : {"listener_tcp", "listener_unix"}) {
            const json::Schema schema(LoadedModule::load(file(name))->descriptor().options_schema);
            const auto detailFor = [&](std::string_view options) {
                const auto problems = schema.validate(json::read(options));
                return problems.empty() ? std::string() : problems.front().detail;
            };
            CPPUNIT_ASSERT_EQUAL(std::string(), detailFor(R"({"backlog":-1})"));
            CPPUNIT_ASSERT_EQUAL(std::string(), detailFor(R"({"backlog":2147483647})"));
            CPPUNIT_ASSERT_EQUAL(
                std::string(R"(The "backlog" number must be equal to or greater than -1.)"),
                detailFor(R"({"backlog":-2})"));
            CPPUNIT_ASSERT_EQUAL(std::string(R"(The "backlog" number must not exceed 2147483647.)"),
                                 detailFor(R"({"backlog":2147483648})"));
            CPPUNIT_ASSERT_EQUAL(std::string(R"(Unknown parameter "backlo".)"),
                                 detailFor(R"({"backlo":1})"));
        }
    }

    // Listens on `address`, connects to it, accepts through the module.
    void acceptOnce(const ListenerInstance &listener, const sockaddr *address, socklen_t size)
    {
        const UniqueFd server(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        CPPUNIT_ASSERT_EQUAL(0, ::bind(server.get(), address, size));
        CPPUNIT_ASSERT_EQUAL(0, ::listen(server.get(), 5));
        CPPUNIT_ASSERT_EQUAL(0, ::fcntl(server.get(), F_SETFL, O_NONBLOCK));
        sockaddr_storage where{};
        socklen_t whereSize = sizeof where;
        auto *generic = reinterpret_cast<sockaddr *>(&where);
        CPPUNIT_ASSERT_EQUAL(0, ::getsockname(server.get(), generic, &whereSize));

        sockaddr_storage peer{};
        socklen_t peerSize = sizeof peer;
        auto *peerAddress = reinterpret_cast<sockaddr *>(&peer);
        CPPUNIT_ASSERT_EQUAL(-1, listener.accept(server.get(), peerAddress, &peerSize));
        CPPUNIT_ASSERT_EQUAL(EAGAIN, errno);

        const UniqueFd client(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        CPPUNIT_ASSERT_EQUAL(0, ::connect(client.get(), generic, whereSize));
        peerSize = sizeof peer;
        const UniqueFd accepted(listener.accept(server.get(), peerAddress, &peerSize));
        CPPUNIT_ASSERT(accepted);
        CPPUNIT_ASSERT_EQUAL(address->sa_family, peer.ss_family);
        CPPUNIT_ASSERT((::fcntl(accepted.get(), F_GETFL) & O_NONBLOCK) != 0);
        CPPUNIT_ASSERT((::fcntl(accepted.get(), F_GETFD) & FD_CLOEXEC) != 0);
    }

    void acceptsOverTcp()
    {
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK); // port 0: a free one
        acceptOnce(instance("listener_tcp"), reinterpret_cast<const sockaddr *>(&any), sizeof any);
    }

    void acceptsOverUnix()
    {
        const ListenerInstance unixs = instance("listener_unix");
        const pb_socket_spec spec =
            unixs.resolve("unix:@patchbay-listener-test-" + std::to_string(::getpid()));
        acceptOnce(unixs, reinterpret_cast<const sockaddr *>(&spec.address), spec.address_size);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ListenerTest);

} // namespace
