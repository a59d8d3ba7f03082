// The end of a listening socket (seed S07, S35).
#include "router/config/config_snapshot.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>
#include <sys/socket.h>

namespace {

using patchbay::UniqueFd;
using patchbay::config::ListenSocket;

bool isOpen(int fd)
{
    return ::fcntl(fd, F_GETFD) >= 0;
}

class ConfigSnapshotTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ConfigSnapshotTest);
    CPPUNIT_TEST(theLastUserClosesAndTells);
    CPPUNIT_TEST(anEarlyCloseIsSilent);
    CPPUNIT_TEST_SUITE_END();

public:
    void theLastUserClosesAndTells()
    {
        int told = 0;
        int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        auto first = std::make_shared<ListenSocket>(UniqueFd(fd), "unix:/x", AF_UNIX, [&] {
            told++;
            CPPUNIT_ASSERT(!isOpen(fd));
        });
        auto second = first;
        first.reset();
        CPPUNIT_ASSERT(isOpen(fd));
        second.reset();
        CPPUNIT_ASSERT_EQUAL(1, told);
    }

    void anEarlyCloseIsSilent()
    {
        int told = 0;
        int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        auto socket =
            std::make_shared<ListenSocket>(UniqueFd(fd), "unix:/x", AF_UNIX, [&] { told++; });
        socket->close();
        CPPUNIT_ASSERT(!isOpen(fd));
        CPPUNIT_ASSERT_EQUAL(-1, socket->fd());
        socket.reset();
        CPPUNIT_ASSERT_EQUAL(0, told);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConfigSnapshotTest);

} // namespace
