// The socket of the control API: addresses, who can reach it and when, what is replaced and
// removed.
#include "main/control_socket.hpp"

#include "base/error.hpp"
#include "main/files.hpp"
#include "main/temp_dir.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <optional>

using namespace patchbay;
using namespace patchbay::main_;
using test::errorOf;
using test::TempDir;

namespace {

ControlSocket::Access mode(mode_t wanted)
{
    return {wanted, "", ""};
}

int connectTo(const ControlAddress &address)
{
    UniqueFd client(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return connect(client.get(), address.get(), address.size) == 0 ? 0 : errno;
}

std::string pathText(const ControlAddress &address)
{
    const char *path = reinterpret_cast<const sockaddr_un &>(address.storage).sun_path;
    return {path, address.size - offsetof(sockaddr_un, sun_path)};
}

// A port that was free a moment ago.
std::string freePort()
{
    UniqueFd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    CPPUNIT_ASSERT_EQUAL(0, bind(probe.get(), reinterpret_cast<sockaddr *>(&address), size));
    CPPUNIT_ASSERT_EQUAL(0,
                         getsockname(probe.get(), reinterpret_cast<sockaddr *>(&address), &size));
    return std::to_string(ntohs(address.sin_port));
}

} // namespace

class ControlSocketTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ControlSocketTest);
    CPPUNIT_TEST(testAddresses);
    CPPUNIT_TEST(testBadAddresses);
    CPPUNIT_TEST(testFile);
    CPPUNIT_TEST(testModes);
    CPPUNIT_TEST(testOwner);
    CPPUNIT_TEST(testUnknownOwner);
    CPPUNIT_TEST(testStaleFile);
    CPPUNIT_TEST(testLiveFile);
    CPPUNIT_TEST(testForeignFile);
    CPPUNIT_TEST(testAbstract);
    CPPUNIT_TEST(testTcp);
    CPPUNIT_TEST_SUITE_END();

public:
    void testAddresses()
    {
        using Kind = ControlAddress::Kind;
        ControlAddress file = parseControlAddress("unix:/run/x.sock");
        CPPUNIT_ASSERT(file.kind == Kind::file && file.path == "/run/x.sock");
        CPPUNIT_ASSERT_EQUAL(std::string("/run/x.sock\0", 12), pathText(file));
        ControlAddress relative = parseControlAddress("unix:x.sock");
        CPPUNIT_ASSERT_EQUAL("unix:" + absolutePath("x.sock"), relative.text);
        ControlAddress abstract = parseControlAddress("unix:@name");
        CPPUNIT_ASSERT(abstract.kind == Kind::abstract && abstract.path.empty());
        CPPUNIT_ASSERT_EQUAL(std::string("\0name", 5), pathText(abstract));
        CPPUNIT_ASSERT_EQUAL(std::string("unix:@name"), abstract.text);
        ControlAddress four = parseControlAddress("127.0.0.1:8443");
        CPPUNIT_ASSERT(four.kind == Kind::tcp && four.storage.ss_family == AF_INET);
        CPPUNIT_ASSERT_EQUAL(htons(8443), reinterpret_cast<sockaddr_in &>(four.storage).sin_port);
        ControlAddress any = parseControlAddress("*:65535");
        CPPUNIT_ASSERT_EQUAL(INADDR_ANY,
                             reinterpret_cast<sockaddr_in &>(any.storage).sin_addr.s_addr);
        ControlAddress six = parseControlAddress("[::1]:1");
        CPPUNIT_ASSERT(six.storage.ss_family == AF_INET6 && six.size == sizeof(sockaddr_in6));
        std::string longest = "unix:/" + std::string(106, 'x');
        CPPUNIT_ASSERT_EQUAL(longest, parseControlAddress(longest).text);
    }

    void testBadAddresses()
    {
        for (const char *text :
             {"", "x", ":80", "localhost:80", "127.0.0.1", "1.2.3:80", "::1:80", "[::1]", "[::1",
              "[]:80", "[127.0.0.1]:80", "[::1]80", "UNIX:/x", "127.0.0.1:80:90", "256.0.0.1:80"}) {
            CPPUNIT_ASSERT_EQUAL('"' + std::string(text) +
                                     R"(" is neither "unix:PATH" nor "IP:PORT")",
                                 errorOf([&] { parseControlAddress(text); }));
        }
        for (const char *text : {"127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "*:http", "*:-1",
                                 "*:80x", "*: 80", "[::1]:99999999999"}) {
            CPPUNIT_ASSERT_EQUAL('"' + std::string(text) + "\" has no port between 1 and 65535",
                                 errorOf([&] { parseControlAddress(text); }));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("\"unix:\" has no path"),
                             errorOf([] { parseControlAddress("unix:"); }));
        CPPUNIT_ASSERT_EQUAL(std::string("\"unix:@\" has no name"),
                             errorOf([] { parseControlAddress("unix:@"); }));
        std::string tooLong = "unix:/" + std::string(107, 'x');
        CPPUNIT_ASSERT_EQUAL('"' + tooLong + "\" has too long a path: more than 107 bytes",
                             errorOf([&] { parseControlAddress(tooLong); }));
    }

    void testFile()
    {
        TempDir dir;
        ControlAddress address = parseControlAddress("unix:" + dir / "run/deep/c.sock");
        {
            ControlSocket control(address, mode(0600));
            CPPUNIT_ASSERT_EQUAL(0, connectTo(address));
            CPPUNIT_ASSERT_EQUAL(mode_t{0755}, test::modeOf(dir / "run/deep"));
            CPPUNIT_ASSERT((fcntl(control.fd(), F_GETFD) & FD_CLOEXEC) != 0);
            CPPUNIT_ASSERT((fcntl(control.fd(), F_GETFL) & O_NONBLOCK) != 0);
            CPPUNIT_ASSERT_EQUAL(address.text, control.address());
            CPPUNIT_ASSERT(control.users().empty());
            UniqueFd routers(fcntl(control.fd(), F_DUPFD_CLOEXEC, 3));
            control.closeDescriptor();
            CPPUNIT_ASSERT_EQUAL(0, connectTo(address)); // the router has it still
            routers.reset();
            CPPUNIT_ASSERT_EQUAL(ECONNREFUSED, connectTo(address));
            CPPUNIT_ASSERT(access(address.path.c_str(), F_OK) == 0);
        }
        CPPUNIT_ASSERT(access(address.path.c_str(), F_OK) != 0);
        CPPUNIT_ASSERT(test::namesOf(dir / "run/deep").empty());
    }

    // Whatever the umask is; bind() gives the file its mode, so it never has another one.
    void testModes()
    {
        TempDir dir;
        ControlAddress address = parseControlAddress("unix:" + dir / "c.sock");
        mode_t before = umask(0);
        for (mode_t mask : {0, 022, 077, 0777}) {
            umask(mask);
            for (mode_t wanted : {0600, 0660, 0666, 0, 0777}) {
                ControlSocket control(address, mode(wanted));
                CPPUNIT_ASSERT_EQUAL(wanted, test::modeOf(address.path));
            }
        }
        umask(before);
    }

    void testOwner()
    {
        if (geteuid() != 0) {
            std::fprintf(stderr, "skipped: only root may give files away\n");
            return;
        }
        TempDir dir;
        ControlAddress address = parseControlAddress("unix:" + dir / "c.sock");
        struct stat status {};
        {
            ControlSocket control(address, {0660, "daemon", ""});
            CPPUNIT_ASSERT_EQUAL(0, lstat(address.path.c_str(), &status));
            CPPUNIT_ASSERT(status.st_uid == 1 && status.st_gid == getegid());
        }
        ControlSocket control(address, {0660, "", "daemon"});
        CPPUNIT_ASSERT_EQUAL(0, lstat(address.path.c_str(), &status));
        CPPUNIT_ASSERT(status.st_uid == geteuid() && status.st_gid == 1);
        CPPUNIT_ASSERT_EQUAL(mode_t{0660}, test::modeOf(address.path));
    }

    void testUnknownOwner()
    {
        TempDir dir;
        ControlAddress address = parseControlAddress("unix:" + dir / "c.sock");
        CPPUNIT_ASSERT_EQUAL(
            std::string("--control-user: The user \"no such user\" does not exist."), errorOf([&] {
                ControlSocket(address, {0600, "no such user", ""});
            }));
        CPPUNIT_ASSERT_EQUAL(
            std::string("--control-group: The group \"no such group\" does not exist."),
            errorOf([&] {
                ControlSocket(address, {0600, "", "no such group"});
            }));
        CPPUNIT_ASSERT(test::namesOf(dir / "").empty());
    }

    void testStaleFile()
    {
        TempDir dir;
        ControlAddress address = parseControlAddress("unix:" + dir / "c.sock");
        {
            UniqueFd dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
            CPPUNIT_ASSERT_EQUAL(0, bind(dead.get(), address.get(), address.size));
        }
        ControlSocket control(address, mode(0600));
        CPPUNIT_ASSERT_EQUAL(0, connectTo(address));
    }

    void testLiveFile()
    {
        TempDir dir;
        ControlAddress address = parseControlAddress("unix:" + dir / "c.sock");
        ControlSocket first(address, mode(0600));
        CPPUNIT_ASSERT_EQUAL("connect(" + address.text + ") socket already in use",
                             errorOf([&] { ControlSocket(address, mode(0600)); }));
        CPPUNIT_ASSERT_EQUAL(0, connectTo(address)); // the first one's file is still there
    }

    void testForeignFile()
    {
        TempDir dir;
        ControlAddress address = parseControlAddress("unix:" + dir / "c.sock");
        test::writeFile(address.path, "precious");
        CPPUNIT_ASSERT_EQUAL("bind(\"" + address.text + "\") failed (98: Address already in use)",
                             errorOf([&] { ControlSocket(address, mode(0600)); }));
        CPPUNIT_ASSERT_EQUAL(std::string("precious"), test::readFile(address.path));
        CPPUNIT_ASSERT_EQUAL(0, unlink(address.path.c_str()));
        {
            ControlSocket control(address, mode(0600));
            CPPUNIT_ASSERT_EQUAL(0, unlink(address.path.c_str()));
            test::writeFile(address.path, "another daemon's");
        }
        CPPUNIT_ASSERT_EQUAL(std::string("another daemon's"), test::readFile(address.path));
    }

    void testAbstract()
    {
        ControlAddress address =
            parseControlAddress("unix:@patchbay-unit-" + std::to_string(getpid()));
        std::string user = geteuid() == 0 ? "daemon" : "";
        std::optional<ControlSocket> control;
        control.emplace(address, ControlSocket::Access{0600, user, ""});
        CPPUNIT_ASSERT_EQUAL(0, connectTo(address));
        CPPUNIT_ASSERT_EQUAL(std::size_t{user.empty() ? 2U : 3U}, control->users().size());
        CPPUNIT_ASSERT(control->users()[0] == 0 && control->users()[1] == getuid());
        CPPUNIT_ASSERT_EQUAL("bind(\"" + address.text + "\") failed (98: Address already in use)",
                             errorOf([&] { ControlSocket(address, mode(0600)); }));
        control.reset();
        CPPUNIT_ASSERT_EQUAL(ECONNREFUSED, connectTo(address));
    }

    void testTcp()
    {
        ControlAddress address;
        std::optional<ControlSocket> control;
        while (!control) {
            try {
                address = parseControlAddress("127.0.0.1:" + freePort());
                control.emplace(address, mode(0600));
            } catch (const Error &) {
                // Somebody was faster.
            }
        }
        CPPUNIT_ASSERT_EQUAL(0, connectTo(address));
        CPPUNIT_ASSERT(control->users().empty());
        CPPUNIT_ASSERT_EQUAL("bind(\"" + address.text + "\") failed (98: Address already in use)",
                             errorOf([&] { ControlSocket(address, mode(0600)); }));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ControlSocketTest);
