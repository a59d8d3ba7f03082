// What a service manager is told, by a socket of its own.
#include "main/service_notify.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "main/temp_dir.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>

using namespace patchbay;
using namespace patchbay::main_;

namespace {

// As the manager has it; name: a path, or "@" and an abstract name.
UniqueFd manager(const std::string &name)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    CPPUNIT_ASSERT_EQUAL(
        0, bind(socket.get(), reinterpret_cast<const sockaddr *>(&address),
                static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())));
    return socket;
}

// Empty: nothing was sent. Datagrams of one host are there when sendto() returns.
std::string received(const UniqueFd &socket)
{
    char buffer[1000];
    ssize_t size = recv(socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    return size > 0 ? std::string(buffer, static_cast<std::size_t>(size)) : std::string();
}

ServiceNotify notifier(const std::string &address)
{
    setenv("NOTIFY_SOCKET", address.c_str(), 1);
    return ServiceNotify();
}

} // namespace

class ServiceNotifyTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ServiceNotifyTest);
    CPPUNIT_TEST(testLife);
    CPPUNIT_TEST(testAbstract);
    CPPUNIT_TEST(testNobody);
    CPPUNIT_TEST(watchdogs);
    CPPUNIT_TEST_SUITE_END();

public:
    void watchdogs()
    {
        const std::string own = std::to_string(getpid());
        struct Case {
            const char *interval, *pid;
            std::optional<long> expected;
        };
        const Case cases[] = {{"30000000", nullptr, 30'000'000},
                              {"30000000", own.c_str(), 30'000'000},
                              {"30000000", "1", std::nullopt},
                              {"0", nullptr, std::nullopt},
                              {"-5", nullptr, std::nullopt},
                              {"5 s", nullptr, std::nullopt},
                              {"99999999999999999999", nullptr, std::nullopt},
                              {nullptr, nullptr, std::nullopt}};
        for (const Case &one : cases) {
            for (auto [name, value] :
                 {std::pair{"WATCHDOG_USEC", one.interval}, std::pair{"WATCHDOG_PID", one.pid}}) {
                value != nullptr ? setenv(name, value, 1) : unsetenv(name);
            }
            ServiceNotify service;
            CPPUNIT_ASSERT_EQUAL(one.expected.has_value(), service.watchdog().has_value());
            CPPUNIT_ASSERT(!one.expected || service.watchdog()->count() == *one.expected);
            CPPUNIT_ASSERT(getenv("WATCHDOG_USEC") == nullptr);
            CPPUNIT_ASSERT(getenv("WATCHDOG_PID") == nullptr);
        }
    }

    void testLife()
    {
        test::TempDir dir;
        UniqueFd socket = manager(dir / "notify");
        ServiceNotify notify = notifier(dir / "notify");
        CPPUNIT_ASSERT(std::getenv("NOTIFY_SOCKET") == nullptr);
        CPPUNIT_ASSERT_EQUAL(std::string(), received(socket));
        notify.reloaded("not asked for");
        CPPUNIT_ASSERT_EQUAL(std::string(), received(socket));
        notify.up("generation 1\nREADY=0");
        CPPUNIT_ASSERT_EQUAL("READY=1\nMAINPID=" + std::to_string(getpid()) +
                                 "\nSTATUS=generation 1 READY=0",
                             received(socket));
        notify.reloading();
        std::string reloading = received(socket);
        std::string start = "RELOADING=1\nMONOTONIC_USEC=";
        CPPUNIT_ASSERT_EQUAL(start, reloading.substr(0, start.size()));
        CPPUNIT_ASSERT(std::stoull(reloading.substr(start.size())) > 0);
        notify.reloaded("generation 2");
        CPPUNIT_ASSERT_EQUAL(std::string("READY=1\nSTATUS=generation 2"), received(socket));
        notify.reloaded("generation 3");
        CPPUNIT_ASSERT_EQUAL(std::string(), received(socket));
        notify.status("the router ended");
        CPPUNIT_ASSERT_EQUAL(std::string("STATUS=the router ended"), received(socket));
        notify.stopping();
        CPPUNIT_ASSERT_EQUAL(std::string("STOPPING=1"), received(socket));
    }

    void testAbstract()
    {
        std::string name = "@patchbay-notify-" + std::to_string(getpid());
        UniqueFd socket = manager(name);
        notifier(name).stopping();
        CPPUNIT_ASSERT_EQUAL(std::string("STOPPING=1"), received(socket));
    }

    void testNobody()
    {
        unsetenv("NOTIFY_SOCKET");
        ServiceNotify().up("");
        for (const std::string &address :
             {std::string(), std::string("x"), std::string("@"), std::string("/nonexistent/notify"),
              "/" + std::string(200, 'x'), std::string("vsock:2:1")}) {
            notifier(address).up("");
        }
        // One that does not listen is not waited for.
        test::TempDir dir;
        UniqueFd socket = manager(dir / "notify");
        ServiceNotify notify = notifier(dir / "notify");
        for (int i = 0; i < 10'000; i++) {
            notify.status("again");
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ServiceNotifyTest);
