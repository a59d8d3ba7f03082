// Sockets that main binds for the router: kept, re-used, refused, cleaned up.
#include "main/socket_binder.hpp"

#include "main/temp_dir.hpp"
#include "patchbay/abi.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

using namespace patchbay;
using namespace patchbay::main_;

namespace {

template <typename T>
std::string bytes(const T &address, std::size_t size = sizeof(T))
{
    return {reinterpret_cast<const char *>(&address), size};
}

SocketRequest tcp(const char *ip, in_port_t port)
{
    SocketRequest request;
    request.type = SOCK_STREAM;
    request.flags = PB_SOCKET_NODELAY;
    request.canonical = std::string(ip) + ":" + std::to_string(port);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, ip, &address.sin_addr);
    request.address = bytes(address);
    return request;
}

SocketRequest file(const std::string &path)
{
    SocketRequest request;
    request.type = SOCK_STREAM;
    request.flags = PB_SOCKET_UNLINK;
    request.canonical = "unix:" + path;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    request.address = bytes(address, offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return request;
}

int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    CPPUNIT_ASSERT_EQUAL(0, getsockopt(fd, level, name, &value, &size));
    return value;
}

in_port_t portOf(int fd)
{
    sockaddr_in address{};
    socklen_t size = sizeof address;
    CPPUNIT_ASSERT_EQUAL(0, getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size));
    return ntohs(address.sin_port);
}

// 0 or errno of a connect().
int connectTo(const SocketRequest &request)
{
    sockaddr_storage address{};
    std::memcpy(&address, request.address.data(), request.address.size());
    UniqueFd fd(socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return connect(fd.get(), reinterpret_cast<sockaddr *>(&address),
                   static_cast<socklen_t>(request.address.size())) == 0
               ? 0
               : errno;
}

bool exists(const std::string &path)
{
    struct stat status {};
    return lstat(path.c_str(), &status) == 0;
}

} // namespace

class SocketBinderTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SocketBinderTest);
    CPPUNIT_TEST(testTcp);
    CPPUNIT_TEST(testIpv6Only);
    CPPUNIT_TEST(testKnownNameGivesTheSameSocket);
    CPPUNIT_TEST(testInUse);
    CPPUNIT_TEST(testClose);
    CPPUNIT_TEST(testUnixMode);
    CPPUNIT_TEST(testStaleFileIsReplaced);
    CPPUNIT_TEST(testLiveFileIsNot);
    CPPUNIT_TEST(testOtherFileIsNot);
    CPPUNIT_TEST(testReplacedFileIsLeft);
    CPPUNIT_TEST(testAbstract);
    CPPUNIT_TEST(testClaims);
    CPPUNIT_TEST(testEndRemovesFiles);
    CPPUNIT_TEST(testNonsense);
    CPPUNIT_TEST_SUITE_END();

    int open(const SocketRequest &request, int expected = 0)
    {
        int error = -1;
        int fd = binder_->open(request, error);
        CPPUNIT_ASSERT_EQUAL(expected, error);
        CPPUNIT_ASSERT_EQUAL(expected == 0, fd >= 0);
        return fd;
    }

public:
    void setUp() override
    {
        dir_ = std::make_unique<test::TempDir>();
        binder_ = std::make_unique<SocketBinder>();
    }
    void tearDown() override
    {
        binder_.reset();
        dir_.reset();
    }

    void testTcp()
    {
        int fd = open(tcp("127.0.0.1", 0));
        CPPUNIT_ASSERT_EQUAL(1, option(fd, SOL_SOCKET, SO_ACCEPTCONN));
        CPPUNIT_ASSERT_EQUAL(1, option(fd, SOL_SOCKET, SO_REUSEADDR));
        CPPUNIT_ASSERT_EQUAL(1, option(fd, IPPROTO_TCP, TCP_NODELAY));
        CPPUNIT_ASSERT((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
        CPPUNIT_ASSERT((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        CPPUNIT_ASSERT_EQUAL(0, connectTo(tcp("127.0.0.1", portOf(fd))));
    }

    void testIpv6Only()
    {
        SocketRequest request = tcp("127.0.0.1", 0);
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_addr = in6addr_loopback;
        request.address = bytes(address);
        request.canonical = "[::1]:0";
        request.flags = PB_SOCKET_V6ONLY;
        int error = 0;
        int fd = binder_->open(request, error);
        if (error == EAFNOSUPPORT || error == EADDRNOTAVAIL) {
            return; // a machine without IPv6
        }
        CPPUNIT_ASSERT_EQUAL(0, error);
        CPPUNIT_ASSERT_EQUAL(1, option(fd, IPPROTO_IPV6, IPV6_V6ONLY));
    }

    void testKnownNameGivesTheSameSocket()
    {
        SocketRequest request = tcp("127.0.0.1", 0);
        int fd = open(request);
        request.backlog = 7; // C11
        CPPUNIT_ASSERT_EQUAL(fd, open(request));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, binder_->count());
        SocketRequest other = tcp("127.0.0.2", 0);
        other.canonical = request.canonical;
        open(other, EINVAL);
    }

    void testInUse()
    {
        int fd = open(tcp("127.0.0.1", 0));
        SocketRequest again = tcp("127.0.0.1", portOf(fd)); // another name, same address
        open(again, EADDRINUSE);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, binder_->count());
    }

    void testClose()
    {
        SocketRequest request = tcp("127.0.0.1", 0);
        SocketRequest real = tcp("127.0.0.1", portOf(open(request)));
        CPPUNIT_ASSERT_EQUAL(0, connectTo(real));
        binder_->close("unknown");
        binder_->close(request.canonical);
        CPPUNIT_ASSERT_EQUAL(ECONNREFUSED, connectTo(real));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, binder_->count());
    }

    void testUnixMode()
    {
        mode_t before = umask(077); // has no say
        for (mode_t mode : {0666U, 0600U, 0777U}) {
            SocketRequest request = file(*dir_ / std::to_string(mode));
            request.mode = mode;
            open(request);
            struct stat status {};
            CPPUNIT_ASSERT_EQUAL(0, stat((*dir_ / std::to_string(mode)).c_str(), &status));
            CPPUNIT_ASSERT_EQUAL(mode, status.st_mode & 0777U);
        }
        CPPUNIT_ASSERT_EQUAL(mode_t{077}, umask(before));
    }

    void testStaleFileIsReplaced()
    {
        SocketRequest request = file(*dir_ / "l.sock");
        {
            UniqueFd crashed(socket(AF_UNIX, SOCK_STREAM, 0));
            CPPUNIT_ASSERT_EQUAL(0, bind(crashed.get(),
                                         reinterpret_cast<const sockaddr *>(request.address.data()),
                                         static_cast<socklen_t>(request.address.size())));
        }
        CPPUNIT_ASSERT_EQUAL(ECONNREFUSED, connectTo(request));
        open(request);
        CPPUNIT_ASSERT_EQUAL(0, connectTo(request));
    }

    void testLiveFileIsNot()
    {
        SocketRequest request = file(*dir_ / "l.sock");
        SocketBinder other;
        int error = 0;
        CPPUNIT_ASSERT(other.open(request, error) >= 0);
        open(request, EADDRINUSE);
        CPPUNIT_ASSERT_EQUAL(0, connectTo(request));
    }

    void testOtherFileIsNot()
    {
        test::writeFile(*dir_ / "precious", "data");
        open(file(*dir_ / "precious"), EADDRINUSE);
        CPPUNIT_ASSERT_EQUAL(std::string("data"), test::readFile(*dir_ / "precious"));
        open(file(*dir_ / "missing/l.sock"), ENOENT);
    }

    void testReplacedFileIsLeft()
    {
        SocketRequest request = file(*dir_ / "l.sock");
        open(request);
        CPPUNIT_ASSERT_EQUAL(0, unlink((*dir_ / "l.sock").c_str()));
        test::writeFile(*dir_ / "l.sock", "somebody else's");
        binder_->close(request.canonical);
        CPPUNIT_ASSERT(exists(*dir_ / "l.sock"));
    }

    void testAbstract()
    {
        SocketRequest request = file(*dir_ / "x");
        std::string name("\0patchbay-unit-", 15);
        name += std::to_string(getpid());
        request.address.replace(offsetof(sockaddr_un, sun_path), std::string::npos, name);
        open(request);
        CPPUNIT_ASSERT_EQUAL(0, connectTo(request));
        binder_->close(request.canonical);
        CPPUNIT_ASSERT_EQUAL(ECONNREFUSED, connectTo(request));
    }

    void testClaims()
    {
        SocketRequest kept = file(*dir_ / "kept");
        SocketRequest lost = file(*dir_ / "lost");
        int fd = open(kept);
        open(lost);
        binder_->forgetClaims(); // the router died
        CPPUNIT_ASSERT_EQUAL(0, connectTo(lost));
        CPPUNIT_ASSERT_EQUAL(fd, open(kept));
        binder_->closeUnclaimed();
        CPPUNIT_ASSERT_EQUAL(0, connectTo(kept));
        CPPUNIT_ASSERT(!exists(*dir_ / "lost"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, binder_->count());
    }

    void testEndRemovesFiles()
    {
        SocketRequest request = file(*dir_ / "l.sock");
        open(request);
        binder_->closeDescriptors();
        CPPUNIT_ASSERT_EQUAL(ECONNREFUSED, connectTo(request));
        CPPUNIT_ASSERT(exists(*dir_ / "l.sock"));
        binder_.reset();
        CPPUNIT_ASSERT(!exists(*dir_ / "l.sock"));
    }

    void testNonsense()
    {
        const SocketRequest good = tcp("127.0.0.1", 0);
        auto refused = [this, &good](void (*spoil)(SocketRequest &)) {
            SocketRequest bad = good;
            spoil(bad);
            open(bad, EINVAL);
        };
        refused([](SocketRequest &r) { r.type = SOCK_DGRAM; });
        refused([](SocketRequest &r) { r.flags = 8; });
        refused([](SocketRequest &r) { r.backlog = -2; });
        refused([](SocketRequest &r) { r.mode = 04755; });
        refused([](SocketRequest &r) { r.canonical.clear(); });
        refused([](SocketRequest &r) { r.canonical = "a\nb"; });
        refused([](SocketRequest &r) { r.canonical.assign(160, 'x'); });
        refused([](SocketRequest &r) { r.address.clear(); });
        refused([](SocketRequest &r) { r.address.pop_back(); });
        refused([](SocketRequest &r) { r.address += '\0'; });
        refused([](SocketRequest &r) { r.address[0] = static_cast<char>(AF_NETLINK); });
        refused([](SocketRequest &r) {
            r = file(std::string(107, 'p'));
            r.address += "xx";
        });
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, binder_->count());
    }

private:
    std::unique_ptr<test::TempDir> dir_;
    std::unique_ptr<SocketBinder> binder_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(SocketBinderTest);
