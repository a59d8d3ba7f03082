#include "base/unique_fd.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>

namespace patchbay::test {
namespace {

int openOne()
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}
bool isOpen(int fd)
{
    return fcntl(fd, F_GETFD) != -1;
}

} // namespace

class UniqueFdTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(UniqueFdTest);
    CPPUNIT_TEST(closesAtTheEnd);
    CPPUNIT_TEST(movesOwnership);
    CPPUNIT_TEST(assignmentClosesTheFormer);
    CPPUNIT_TEST(releaseGivesAway);
    CPPUNIT_TEST(resetReplaces);
    CPPUNIT_TEST(emptyOwnsNothing);
    CPPUNIT_TEST_SUITE_END();

public:
    void closesAtTheEnd()
    {
        int fd = openOne();
        {
            UniqueFd owner(fd);
            CPPUNIT_ASSERT(owner && owner.get() == fd);
            CPPUNIT_ASSERT(isOpen(fd));
        }
        CPPUNIT_ASSERT(!isOpen(fd));
    }

    void movesOwnership()
    {
        int fd = openOne();
        UniqueFd first(fd);
        UniqueFd second(std::move(first));
        CPPUNIT_ASSERT_EQUAL(-1, first.get()); // NOLINT(bugprone-use-after-move): what is tested
        CPPUNIT_ASSERT_EQUAL(fd, second.get());
        CPPUNIT_ASSERT(isOpen(fd));
    }

    void assignmentClosesTheFormer()
    {
        int former = openOne();
        int latter = openOne();
        UniqueFd first(former);
        UniqueFd second(latter);
        first = std::move(second);
        CPPUNIT_ASSERT(!isOpen(former));
        CPPUNIT_ASSERT_EQUAL(latter, first.get());
        UniqueFd &same = first;
        first = std::move(same);
        CPPUNIT_ASSERT_EQUAL(latter, first.get());
        CPPUNIT_ASSERT(isOpen(latter));
    }

    void releaseGivesAway()
    {
        int fd = openOne();
        UniqueFd owner(fd);
        CPPUNIT_ASSERT_EQUAL(fd, owner.release());
        CPPUNIT_ASSERT(!owner);
        CPPUNIT_ASSERT(isOpen(fd));
        close(fd);
    }

    void resetReplaces()
    {
        int former = openOne();
        int latter = openOne();
        UniqueFd owner(former);
        owner.reset(latter);
        CPPUNIT_ASSERT(!isOpen(former) && isOpen(latter));
        owner.reset();
        CPPUNIT_ASSERT(!isOpen(latter) && !owner);
    }

    void emptyOwnsNothing()
    {
        UniqueFd owner;
        CPPUNIT_ASSERT(!owner);
        CPPUNIT_ASSERT_EQUAL(-1, owner.release());
        owner.reset();
        UniqueFd zero(openOne());
        CPPUNIT_ASSERT(zero); // any number from 0 on is a descriptor
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(UniqueFdTest);

} // namespace patchbay::test
