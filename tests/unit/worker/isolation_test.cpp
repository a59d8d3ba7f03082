// Parts of an application's isolation that need no rights: maps of ids, paths of languages.
#include "worker/isolation_maps.hpp"

#include "base/error.hpp"
#include "worker/isolation_root.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdio>
#include <fstream>

#include <unistd.h>

using namespace patchbay;
using namespace patchbay::worker;
using ipc::IdRange;
using ipc::Isolation;

namespace {

Credentials somebody()
{
    Credentials user;
    user.user = "somebody";
    user.uid = 1000;
    user.gid = 100;
    user.groups = {100, 200, 300};
    return user;
}

std::string reason(auto call)
{
    try {
        call();
    } catch (const Error &error) {
        return error.what();
    }
    return {};
}

} // namespace

class IsolationPartsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(IsolationPartsTest);
    CPPUNIT_TEST(testHostId);
    CPPUNIT_TEST(testDefaultMaps);
    CPPUNIT_TEST(testGivenMaps);
    CPPUNIT_TEST(testNotMapped);
    CPPUNIT_TEST(testOwnMap);
    CPPUNIT_TEST(testLanguagePaths);
    CPPUNIT_TEST(testWantsMounts);
    CPPUNIT_TEST_SUITE_END();

public:
    void testHostId()
    {
        const std::vector<IdRange> map{{0, 1000, 10}, {4'294'967'290, 5, 5}};
        CPPUNIT_ASSERT_EQUAL(1009U, hostId(map, 9).value());
        CPPUNIT_ASSERT(!hostId(map, 10));
        CPPUNIT_ASSERT_EQUAL(9U, hostId(map, 4'294'967'294).value());
        CPPUNIT_ASSERT(!hostId(map, 4'294'967'295));
        CPPUNIT_ASSERT(!hostId({}, 0));
    }

    void testDefaultMaps()
    {
        Credentials user = somebody();
        IdMaps maps = mapsFor({}, user, false);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, maps.uids.size());
        CPPUNIT_ASSERT_EQUAL(1000U, hostId(maps.uids, 1000).value());
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, maps.gids.size());
        CPPUNIT_ASSERT_EQUAL(300U, hostId(maps.gids, 300).value());
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, user.groups.size());
    }

    void testGivenMaps()
    {
        Isolation isolation;
        isolation.uidMap = {{1000, 5, 1}};
        isolation.gidMap = {{0, 70'000, 201}};
        Credentials user = somebody();
        IdMaps maps = mapsFor(isolation, user, false);
        CPPUNIT_ASSERT_EQUAL(5U, hostId(maps.uids, user.uid).value());
        CPPUNIT_ASSERT(user.groups == std::vector<gid_t>({100, 200})); // 300 is not mapped
    }

    void testNotMapped()
    {
        Isolation isolation;
        isolation.uidMap = {{0, 5, 1000}};
        CPPUNIT_ASSERT_EQUAL(std::string("isolation: the \"uidmap\" has no \"container\" id for "
                                         "the user \"somebody\" (1000)."),
                             refused(isolation, false));
        isolation.uidMap = {};
        isolation.gidMap = {{101, 101, 1}};
        CPPUNIT_ASSERT_EQUAL(std::string("isolation: the \"gidmap\" has no \"container\" id for "
                                         "the group 100."),
                             refused(isolation, false));
    }

    void testOwnMap()
    {
        Isolation isolation;
        isolation.uidMap = {{1000, geteuid() + 1, 1}};
        const std::string expected = "isolation: the \"uidmap\" can map the user " +
                                     std::to_string(geteuid()) +
                                     " alone: the daemon lacks the privilege for more "
                                     "(CAP_SYS_ADMIN).";
        CPPUNIT_ASSERT_EQUAL(expected, refused(isolation, true));
        isolation.uidMap = {{1000, geteuid(), 2}};
        CPPUNIT_ASSERT_EQUAL(expected, refused(isolation, true));
        isolation.uidMap = {{7, geteuid(), 1}};
        isolation.gidMap = {{8, getegid(), 1}};
        Credentials nobodyAsked;
        nobodyAsked.uid = geteuid();
        nobodyAsked.gid = getegid();
        mapsFor(isolation, nobodyAsked, true);
        CPPUNIT_ASSERT_EQUAL(uid_t{7}, nobodyAsked.uid);
        CPPUNIT_ASSERT_EQUAL(gid_t{8}, nobodyAsked.gid);
    }

    void testLanguagePaths()
    {
        const std::string base = "/tmp/patchbay-unit-paths-" + std::to_string(getpid());
        std::ofstream(base + ".paths") << "# of a language\n\n/usr/lib/x\n/a b\nnot/absolute\n";
        const std::vector<std::string> expected{"/usr/lib/x", "/a b"};
        const bool same = languagePaths(base + ".so") == expected;
        std::remove((base + ".paths").c_str());
        CPPUNIT_ASSERT(same);
        CPPUNIT_ASSERT(languagePaths(base + ".so").empty());
    }

    void testWantsMounts()
    {
        Isolation isolation;
        CPPUNIT_ASSERT(!wantsMounts(isolation));
        isolation.rootfs = "/srv";
        CPPUNIT_ASSERT(wantsMounts(isolation));
        isolation.languageDeps = isolation.tmpfs = isolation.procfs = false;
        CPPUNIT_ASSERT(!wantsMounts(isolation));
        isolation.credential = true;
        CPPUNIT_ASSERT(wantsMounts(isolation));
        isolation = {};
        isolation.mount = true;
        CPPUNIT_ASSERT(wantsMounts(isolation));
    }

private:
    static std::string refused(const Isolation &isolation, bool own)
    {
        Credentials user = somebody();
        return reason([&] { mapsFor(isolation, user, own); });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(IsolationPartsTest);
