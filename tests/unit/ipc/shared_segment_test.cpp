#include "base/error.hpp"
#include "ipc/shared_segment.hpp"
#include "ipc/support.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cstring>

namespace patchbay::ipc::test {
namespace {

UniqueFd duplicate(int fd)
{
    return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

UniqueFd plainMemfd(std::size_t size, int seals)
{
    UniqueFd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    CPPUNIT_ASSERT_EQUAL(0, ftruncate(fd.get(), static_cast<off_t>(size)));
    CPPUNIT_ASSERT_EQUAL(0, fcntl(fd.get(), F_ADD_SEALS, seals));
    return fd;
}

// Runs check() in a forked child; true if it returned true there.
template <typename Check>
bool inChild(Check check)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(check() ? 0 : 1);
    }
    int status = 0;
    CPPUNIT_ASSERT_EQUAL(pid, waitpid(pid, &status, 0));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool isMapped(void *address)
{
    return msync(address, kUnit, MS_ASYNC) == 0;
}

} // namespace

class SharedSegmentTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SharedSegmentTest);
    CPPUNIT_TEST(createdIsZeroedSealedAndCloseOnExec);
    CPPUNIT_TEST(bothEndsSeeTheSameBytes);
    CPPUNIT_TEST(openedIsNotInherited);
    CPPUNIT_TEST(movesAndUnmaps);
    CPPUNIT_TEST(refusesWhatIsNoSegment);
    CPPUNIT_TEST(appSegmentChecksItsLayout);
    CPPUNIT_TEST(appMemoryBounds);
    CPPUNIT_TEST(workerSegmentChecksItsLayout);
    CPPUNIT_TEST(workerMemoryBounds);
    CPPUNIT_TEST(workerKeepsItsOwnUnits);
    CPPUNIT_TEST_SUITE_END();

public:
    void createdIsZeroedSealedAndCloseOnExec()
    {
        SharedSegment segment = SharedSegment::create("test", 10000);
        CPPUNIT_ASSERT_EQUAL(std::size_t{10000}, segment.size());
        for (std::size_t i = 0; i < segment.size(); i++) {
            CPPUNIT_ASSERT(segment.data()[i] == 0);
        }
        CPPUNIT_ASSERT_EQUAL(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
                             fcntl(segment.fd(), F_GET_SEALS));
        CPPUNIT_ASSERT_EQUAL(-1, ftruncate(segment.fd(), 100));
        CPPUNIT_ASSERT_EQUAL(-1, ftruncate(segment.fd(), 100000));
        CPPUNIT_ASSERT_EQUAL(FD_CLOEXEC, fcntl(segment.fd(), F_GETFD));
        CPPUNIT_ASSERT_THROW(SharedSegment::create("test", 0), SystemError);
    }

    void bothEndsSeeTheSameBytes()
    {
        SharedSegment segment = SharedSegment::create("test", 10000);
        SharedSegment other = SharedSegment::open(duplicate(segment.fd()), 10000);
        other.data()[9999] = 7;
        CPPUNIT_ASSERT(segment.data()[9999] == 7);
        other.closeFd();
        CPPUNIT_ASSERT_EQUAL(-1, other.fd());
        CPPUNIT_ASSERT(other.data()[9999] == 7);
    }

    void openedIsNotInherited()
    {
        SharedSegment created = SharedSegment::create("test", kUnit);
        SharedSegment opened = SharedSegment::open(duplicate(created.fd()), kUnit);
        CPPUNIT_ASSERT(inChild([&] { return isMapped(created.data()); }));
        CPPUNIT_ASSERT(inChild([&] { return !isMapped(opened.data()); }));
    }

    void movesAndUnmaps()
    {
        void *first = nullptr;
        {
            SharedSegment a = SharedSegment::create("test", kUnit);
            first = a.data();
            SharedSegment b(std::move(a));
            CPPUNIT_ASSERT(b.data() == first);
            b = SharedSegment::create("test", 2 * std::size_t{kUnit});
            CPPUNIT_ASSERT_EQUAL(2 * std::size_t{kUnit}, b.size());
            CPPUNIT_ASSERT(!isMapped(first));
            first = b.data();
        }
        CPPUNIT_ASSERT(!isMapped(first));
    }

    void refusesWhatIsNoSegment()
    {
        constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW;
        CPPUNIT_ASSERT_NO_THROW(SharedSegment::open(plainMemfd(5000, kSeals), 5000));
        CPPUNIT_ASSERT_THROW(SharedSegment::open(plainMemfd(4999, kSeals), 5000), Error);
        CPPUNIT_ASSERT_THROW(SharedSegment::open(plainMemfd(5000, F_SEAL_SHRINK), 5000), Error);
        CPPUNIT_ASSERT_THROW(SharedSegment::open(plainMemfd(5000, 0), 5000), Error);
        CPPUNIT_ASSERT_THROW(SharedSegment::open(UniqueFd(), 1), SystemError);
        int ends[2];
        CPPUNIT_ASSERT_EQUAL(0, pipe2(ends, O_CLOEXEC));
        UniqueFd writeEnd(ends[1]);
        CPPUNIT_ASSERT_THROW(SharedSegment::open(UniqueFd(ends[0]), 0), Error);
    }

    void appSegmentChecksItsLayout()
    {
        AppSegment segment = AppSegment::create();
        CPPUNIT_ASSERT_EQUAL(sizeof(AppSegmentLayout), segment.segment().size());
        CPPUNIT_ASSERT_NO_THROW(AppSegment::open(duplicate(segment.segment().fd())));
        segment.layout().size++;
        CPPUNIT_ASSERT_THROW(AppSegment::open(duplicate(segment.segment().fd())), Error);
        segment.layout().size--;
        segment.layout().magic = 0;
        CPPUNIT_ASSERT_THROW(AppSegment::open(duplicate(segment.segment().fd())), Error);
        SharedSegment small = SharedSegment::create("test", kUnit);
        CPPUNIT_ASSERT_THROW(AppSegment::open(duplicate(small.fd())), Error);
    }

    void appMemoryBounds()
    {
        AppSegment segment = AppSegment::create();
        unsigned char *base = segment.memory(0, kRequestUnits);
        CPPUNIT_ASSERT(base == segment.layout().memory);
        CPPUNIT_ASSERT(base + 5 * kUnit == segment.memory(5, 64));
        CPPUNIT_ASSERT(segment.memory(kRequestUnits - 1, 1) != nullptr);
        CPPUNIT_ASSERT(segment.memory(kRequestUnits - 1, 2) == nullptr);
        CPPUNIT_ASSERT(segment.memory(kRequestUnits, 1) == nullptr);
        CPPUNIT_ASSERT(segment.memory(0, kRequestUnits + 1) == nullptr);
        CPPUNIT_ASSERT(segment.memory(UINT32_MAX, 2) == nullptr);
        CPPUNIT_ASSERT(segment.memory(2, UINT32_MAX) == nullptr);
        segment.memory(kRequestUnits - 1, 1)[kUnit - 1] = 1; // the last byte is ours
    }

    void workerSegmentChecksItsLayout()
    {
        CPPUNIT_ASSERT_THROW(WorkerSegment::create(0), Error);
        CPPUNIT_ASSERT_THROW(WorkerSegment::create(2048 * 64 + 1), Error);
        CPPUNIT_ASSERT_NO_THROW(WorkerSegment::create(2048 * 64));

        WorkerSegment segment = WorkerSegment::create(100);
        CPPUNIT_ASSERT_EQUAL(100U, segment.pool().freeCount());
        CPPUNIT_ASSERT_EQUAL(100U, open(segment).units());
        for (std::uint32_t units : {0U, 101U, 2048U * 64, UINT32_MAX}) {
            segment.layout().units = units;
            CPPUNIT_ASSERT_THROW(open(segment), Error);
        }
        segment.layout().units = 100;
        segment.layout().magic++;
        CPPUNIT_ASSERT_THROW(open(segment), Error);
        AppSegment app = AppSegment::create(); // large enough, but of the other kind
        CPPUNIT_ASSERT_THROW(WorkerSegment::open(duplicate(app.segment().fd())), Error);
    }

    void workerMemoryBounds()
    {
        WorkerSegment segment = WorkerSegment::create(100);
        unsigned char *base = segment.memory(0, 1);
        CPPUNIT_ASSERT(base >= segment.segment().data() + sizeof(WorkerSegmentLayout));
        CPPUNIT_ASSERT_EQUAL(std::uintptr_t{0}, reinterpret_cast<std::uintptr_t>(base) % kUnit);
        CPPUNIT_ASSERT(segment.memory(99, 1) == base + 99 * kUnit);
        CPPUNIT_ASSERT(segment.memory(99, 2) == nullptr);
        CPPUNIT_ASSERT(segment.memory(100, 1) == nullptr);
        CPPUNIT_ASSERT(segment.memory(UINT32_MAX, 1) == nullptr);
        std::memset(base, 1, 100 * std::size_t{kUnit});
    }

    void workerKeepsItsOwnUnits()
    {
        WorkerSegment segment = WorkerSegment::create(10);
        segment.layout().units = 1000; // the worker lies afterwards
        CPPUNIT_ASSERT_EQUAL(10U, segment.units());
        CPPUNIT_ASSERT(segment.memory(10, 1) == nullptr);
        CPPUNIT_ASSERT(!segment.pool().give(10, 1));
    }

private:
    static WorkerSegment open(const WorkerSegment &segment)
    {
        return WorkerSegment::open(duplicate(segment.segment().fd()));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SharedSegmentTest);

} // namespace patchbay::ipc::test
