// The isolation of an application on its way to the prototype.
#include "ipc/isolation.hpp"

#include "base/error.hpp"

#include <cppunit/extensions/HelperMacros.h>

using namespace patchbay;
using namespace patchbay::ipc;

class IsolationTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(IsolationTest);
    CPPUNIT_TEST(testRoundTrip);
    CPPUNIT_TEST(testDefaults);
    CPPUNIT_TEST(testBroken);
    CPPUNIT_TEST_SUITE_END();

public:
    void testRoundTrip()
    {
        Isolation one;
        one.credential = one.network = one.cgroup = true;
        one.tmpfs = one.newPrivileges = false;
        one.uidMap = {{0, 70'000, 10}, {65'534, 4'294'967'294, 1}};
        one.rootfs = "/srv/app";
        one.cgroupPath = "a/b";
        Isolation two = again(one);
        CPPUNIT_ASSERT(two.credential && two.network && two.cgroup);
        CPPUNIT_ASSERT(!two.pid && !two.mount && !two.uname);
        CPPUNIT_ASSERT(two.languageDeps && !two.tmpfs && two.procfs && !two.newPrivileges);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, two.uidMap.size());
        CPPUNIT_ASSERT_EQUAL(65'534U, two.uidMap[1].container);
        CPPUNIT_ASSERT_EQUAL(4'294'967'294U, two.uidMap[1].host);
        CPPUNIT_ASSERT_EQUAL(10U, two.uidMap[0].size);
        CPPUNIT_ASSERT(two.gidMap.empty());
        CPPUNIT_ASSERT_EQUAL(one.rootfs, two.rootfs);
        CPPUNIT_ASSERT_EQUAL(one.cgroupPath, two.cgroupPath);
    }

    void testDefaults()
    {
        Isolation none = again({});
        CPPUNIT_ASSERT(!none.credential && !none.pid && !none.network && !none.mount);
        CPPUNIT_ASSERT(none.languageDeps && none.tmpfs && none.procfs && none.newPrivileges);
        CPPUNIT_ASSERT(none.rootfs.empty() && none.cgroupPath.empty());
    }

    void testBroken()
    {
        CPPUNIT_ASSERT_THROW(read(WireWriter().u32(1U << 10).u32(0).u32(0).str("").str("")), Error);
        CPPUNIT_ASSERT_THROW(read(WireWriter().u32(0).u32(341)), Error);
        CPPUNIT_ASSERT_THROW(read(WireWriter().u32(0).u32(1).u32(0).u32(0)), Error);
        CPPUNIT_ASSERT_THROW(
            read(WireWriter().u32(0).u32(0).u32(0).str(std::string_view("/a\0b", 4)).str("")),
            Error);
        CPPUNIT_ASSERT_THROW(read(WireWriter().u32(0).u32(0).u32(0).str("/a")), Error);
    }

private:
    static Isolation read(const WireWriter &bytes)
    {
        WireReader reader(bytes.bytes());
        return readIsolation(reader);
    }
    static Isolation again(const Isolation &isolation)
    {
        WireWriter out;
        writeIsolation(out, isolation);
        WireReader reader(out.bytes());
        Isolation result = readIsolation(reader);
        CPPUNIT_ASSERT(reader.atEnd());
        return result;
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(IsolationTest);
