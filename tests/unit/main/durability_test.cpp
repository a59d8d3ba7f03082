// What is stored survives: processes killed in the middle, full disks, limits, directories that
// cannot be written to. Afterwards there is the old text or the new one, and nothing else.
#include "main/state_store.hpp"

#include "base/error.hpp"
#include "ipc/channel.hpp"
#include "main/child.hpp"
#include "main/files.hpp"
#include "main/temp_dir.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <random>

using namespace patchbay;
using namespace patchbay::main_;
using test::statusOf;
using test::TempDir;

namespace {

constexpr std::size_t kSize = 200'000;
constexpr int kCannot = 77; // exit status: this environment does not allow the test

UniqueFd text(std::string_view content)
{
    return ipc::makeTextMemfd(content, "test");
}

int numberOf(auto call)
{
    try {
        call();
    } catch (const FileError &error) {
        return error.number();
    }
    return 0;
}

void expect(bool condition, const char *what)
{
    if (!condition) {
        throw Error(what);
    }
}

// In a child with a mount namespace of its own, where `path` is an empty file system.
void onTmpfs(const std::string &path, const char *options, const std::function<void()> &body)
{
    makeDirectory(path, 0700);
    pid_t pid = forkChild("", {}, [&] {
        if (unshare(CLONE_NEWNS) != 0 ||
            mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("tmpfs", path.c_str(), "tmpfs", 0, options) != 0) {
            return kCannot;
        }
        body();
        return 0;
    });
    int status = statusOf(pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == kCannot) {
        std::fprintf(stderr, "skipped: no file system can be mounted here\n");
        return;
    }
    CPPUNIT_ASSERT_EQUAL(0, status);
}

} // namespace

class DurabilityTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DurabilityTest);
    CPPUNIT_TEST(testKilledAtAnyMoment);
    CPPUNIT_TEST(testKilledAtAnyByte);
    CPPUNIT_TEST(testLimit);
    CPPUNIT_TEST(testFullDisk);
    CPPUNIT_TEST(testReadOnly);
    CPPUNIT_TEST(testNoAccess);
    CPPUNIT_TEST_SUITE_END();

    const std::string old_ = std::string(kSize, 'o');
    const std::string new_ = std::string(kSize * 2, 'n');

public:
    void testKilledAtAnyMoment()
    {
        TempDir dir;
        StateStore store(dir / "state");
        store.prepare();
        store.storeCurrent(text(old_).get());
        std::minstd_rand random(20261123);
        for (int i = 0; i < 40; i++) {
            pid_t pid = forkChild("", {}, [&] {
                UniqueFd texts[2] = {text(old_), text(new_)};
                for (unsigned turn = 0;; turn++) {
                    store.storeCurrent(texts[turn % 2].get());
                    store.storeVersion(texts[turn % 2].get(), {0, turn, 0, "api"}, 3);
                }
                return 0;
            });
            usleep(random() % 8000);
            CPPUNIT_ASSERT_EQUAL(0, kill(pid, SIGKILL));
            CPPUNIT_ASSERT_EQUAL(SIGKILL, statusOf(pid));
            std::string now = test::readFile(store.currentPath());
            CPPUNIT_ASSERT_MESSAGE(std::to_string(now.size()), now == old_ || now == new_);
            for (const Version &version : store.history().list()) {
                std::string kept = ipc::readTextFd(store.history().read(version).get(), 2 * kSize);
                CPPUNIT_ASSERT(kept == old_ || kept == new_);
            }
        }
        store.prepare();
        CPPUNIT_ASSERT(access((dir / "state/.new").c_str(), F_OK) != 0);
    }

    // The kernel kills whoever writes beyond the limit: at exactly that byte.
    void testKilledAtAnyByte()
    {
        TempDir dir;
        StateStore store(dir / "state");
        store.prepare();
        store.storeCurrent(text(old_).get());
        for (rlim_t byte :
             {rlim_t{0}, rlim_t{1}, rlim_t{4096}, rlim_t{kSize}, rlim_t{2 * kSize - 1}}) {
            pid_t pid = forkChild("", {}, [&] {
                UniqueFd next = text(new_);
                rlimit limits{0, 0}; // no core file
                setrlimit(RLIMIT_CORE, &limits);
                limits = {byte, byte};
                setrlimit(RLIMIT_FSIZE, &limits);
                store.storeCurrent(next.get());
                return 0;
            });
            CPPUNIT_ASSERT_EQUAL(SIGXFSZ, statusOf(pid));
            CPPUNIT_ASSERT(test::readFile(store.currentPath()) == old_);
            CPPUNIT_ASSERT(access((dir / "state/.new").c_str(), F_OK) == 0); // left by the crash
            store.prepare();
            CPPUNIT_ASSERT_EQUAL(std::string("conf.json version"), test::namesOf(dir / "state"));
        }
    }

    void testLimit()
    {
        TempDir dir;
        StateStore store(dir / "state");
        store.prepare();
        store.storeCurrent(text(old_).get());
        for (rlim_t byte : {rlim_t{0}, rlim_t{1}, rlim_t{kSize}, rlim_t{2 * kSize - 1}}) {
            pid_t pid = forkChild("", {}, [&] {
                UniqueFd next = text(new_);
                rlimit limits{byte, byte};
                setrlimit(RLIMIT_FSIZE, &limits);
                signal(SIGXFSZ, SIG_IGN);
                return numberOf([&] { store.storeCurrent(next.get()); });
            });
            CPPUNIT_ASSERT_EQUAL(EFBIG, WEXITSTATUS(statusOf(pid)));
            CPPUNIT_ASSERT(test::readFile(store.currentPath()) == old_);
            CPPUNIT_ASSERT_EQUAL(std::string("conf.json version"), test::namesOf(dir / "state"));
        }
    }

    void testFullDisk()
    {
        TempDir dir;
        std::string path = dir / "state";
        onTmpfs(path, "size=512k", [&] {
            StateStore store(path);
            store.prepare();
            store.storeCurrent(text(old_).get());
            store.storeItem("certs", "a", text("key").get());
            // Room for the new one beside the old one is missing.
            expect(numberOf([&] { store.storeCurrent(text(new_).get()); }) == ENOSPC, "no ENOSPC");
            expect(numberOf([&] {
                       store.storeVersion(text(new_).get(), {0, 1, 0, "api"}, 5);
                   }) == ENOSPC,
                   "no ENOSPC of the history");
            expect(numberOf([&] { store.storeItem("certs", "a", text(new_).get()); }) == ENOSPC,
                   "no ENOSPC of an item");
            expect(test::readFile(store.currentPath()) == old_, "the old text is damaged");
            expect(test::readFile(path + "/certs/a") == "key", "the old item is damaged");
            expect(store.history().list().empty(), "a part of a version is left");
            expect(access((path + "/.new").c_str(), F_OK) != 0, "the temporary file is left");
            store.storeCurrent(text("{}").get()); // and there is room again
        });
    }

    void testReadOnly()
    {
        TempDir dir;
        std::string path = dir / "state";
        onTmpfs(path, "size=1m", [&] {
            StateStore store(path);
            store.prepare();
            store.storeCurrent(text(old_).get());
            expect(mount("none", path.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0,
                   "cannot be remounted");
            expect(numberOf([&] { store.storeCurrent(text(new_).get()); }) == EROFS, "no EROFS");
            expect(numberOf([&] { store.removeItem("certs", "a"); }) != 0, "removed");
            expect(test::readFile(store.currentPath()) == old_, "the old text is damaged");
        });
    }

    void testNoAccess()
    {
        TempDir dir;
        StateStore store(dir / "state");
        store.prepare();
        store.storeCurrent(text(old_).get());
        CPPUNIT_ASSERT_EQUAL(0, chmod((dir / "state").c_str(), 0500));
        CPPUNIT_ASSERT_EQUAL(0, chmod((dir / "").c_str(), 0755));
        pid_t pid = forkChild("", {}, [&] {
            if (geteuid() == 0) {
                CPPUNIT_ASSERT_EQUAL(0, chown((dir / "state").c_str(), 65534, 65534));
                CPPUNIT_ASSERT_EQUAL(0, setuid(65534));
            }
            return numberOf([&] { store.storeCurrent(text(new_).get()); });
        });
        CPPUNIT_ASSERT_EQUAL(EACCES, WEXITSTATUS(statusOf(pid)));
        CPPUNIT_ASSERT_EQUAL(0, chmod((dir / "state").c_str(), 0700));
        CPPUNIT_ASSERT(test::readFile(store.currentPath()) == old_);
        CPPUNIT_ASSERT_EQUAL(std::string("conf.json version"), test::namesOf(dir / "state"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DurabilityTest);
