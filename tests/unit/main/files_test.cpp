// What main keeps on disk: pid file, log, directories; its title.
#include "main/files.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/process_title.hpp"
#include "ipc/channel.hpp"
#include "main/child.hpp"
#include "main/temp_dir.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

using namespace patchbay;
using namespace patchbay::main_;
using test::errorOf;
using test::modeOf;
using test::statusOf;

namespace {

// The common main() knows nothing of titles; glibc hands a constructor the same arguments.
[[gnu::constructor]] void takeOverTitle(int argc, char **argv, char **)
{
    initProcessTitle(argc, argv);
}

} // namespace

class FilesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(FilesTest);
    CPPUNIT_TEST(testDirectories);
    CPPUNIT_TEST(testPidFile);
    CPPUNIT_TEST(testPidFileOfACrash);
    CPPUNIT_TEST(testLog);
    CPPUNIT_TEST(testTitle);
    CPPUNIT_TEST(testChild);
    CPPUNIT_TEST_SUITE_END();

public:
    void testDirectories()
    {
        test::TempDir dir;
        mode_t before = umask(077);
        makeDirectory(dir / "a/b/state", 0700);
        makeParents(dir / "c/d/file");
        umask(before);
        CPPUNIT_ASSERT_EQUAL(mode_t{0700}, modeOf(dir / "a/b/state"));
        CPPUNIT_ASSERT_EQUAL(mode_t{0755}, modeOf(dir / "a/b"));
        CPPUNIT_ASSERT_EQUAL(mode_t{0755}, modeOf(dir / "c/d"));
        makeDirectory(dir / "a", 0700); // there already: left as it is
        CPPUNIT_ASSERT_EQUAL(mode_t{0755}, modeOf(dir / "a"));
        test::writeFile(dir / "file", "");
        CPPUNIT_ASSERT_EQUAL("The directory \"" + dir / "file" +
                                 "\" cannot be created: Not a directory.",
                             errorOf([&] { makeParents(dir / "file/x"); }));
        CPPUNIT_ASSERT_EQUAL(std::string("/x"), absolutePath("/x"));
        CPPUNIT_ASSERT_EQUAL(std::filesystem::current_path().string() + "/x", absolutePath("x"));
    }

    void testPidFile()
    {
        test::TempDir dir;
        std::string path = dir / "run/pid";
        {
            PidFile file(path);
            CPPUNIT_ASSERT_EQUAL(std::to_string(getpid()) + "\n", test::readFile(path));
            CPPUNIT_ASSERT_EQUAL(mode_t{0644}, modeOf(path));
            CPPUNIT_ASSERT_EQUAL("The pid file \"" + path + "\" belongs to process " +
                                     std::to_string(getpid()) + ", which is running.",
                                 errorOf([&] { PidFile second(path); }));
            CPPUNIT_ASSERT_EQUAL(std::to_string(getpid()) + "\n", test::readFile(path));
        }
        CPPUNIT_ASSERT(access(path.c_str(), F_OK) != 0);
    }

    void testPidFileOfACrash()
    {
        test::TempDir dir;
        std::string path = dir / "pid";
        test::writeFile(path, "999999999999\nand more");
        PidFile file(path);
        CPPUNIT_ASSERT_EQUAL(std::to_string(getpid()) + "\n", test::readFile(path));
        CPPUNIT_ASSERT_EQUAL(0, unlink(path.c_str()));
        test::writeFile(path, "another daemon's"); // must survive ours
        {
            PidFile moved(dir / "other");
        }
        CPPUNIT_ASSERT_EQUAL(std::string("another daemon's"), test::readFile(path));
    }

    // Descriptor 2 belongs to the test: all of it happens in a child.
    void testLog()
    {
        test::TempDir dir;
        std::string path = dir / "logs/log";
        pid_t pid = forkChild("", {}, [&] {
            LogFile log(path);
            log.open();
            log::notice("first");
            rename(path.c_str(), (path + ".1").c_str());
            log::notice("second");
            log.open();
            log::notice("third");
            return 0;
        });
        CPPUNIT_ASSERT_EQUAL(0, statusOf(pid));
        CPPUNIT_ASSERT_EQUAL(mode_t{0600}, modeOf(path));
        std::string old = test::readFile(path + ".1");
        CPPUNIT_ASSERT(old.find(" first\n") != std::string::npos);
        CPPUNIT_ASSERT(old.find(" second\n") != std::string::npos);
        std::string now = test::readFile(path);
        CPPUNIT_ASSERT(now.find(" third\n") != std::string::npos);
        CPPUNIT_ASSERT(now.find("second") == std::string::npos);
    }

    void testTitle()
    {
        setenv("PATCHBAY_TITLE_TEST", "kept", 1);
        auto [ours, theirs] = ipc::Channel::makePair();
        int fd = theirs.fd();
        std::string longTitle(100'000, 'x');
        pid_t pid = forkChild("router", {&fd, 1}, [&, &channel = theirs] {
            ipc::Frame frame;
            channel.waitReadable(std::chrono::seconds(60));
            channel.receive(frame);
            setProcessTitle(longTitle); // cut, nothing overwritten
            const char *value = getenv("PATCHBAY_TITLE_TEST");
            return value != nullptr && std::string(value) == "kept" ? 0 : 1;
        });
        theirs.close();
        std::string path = "/proc/" + std::to_string(pid) + "/cmdline";
        auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        std::string title;
        while (title != "patchbay: router" && std::chrono::steady_clock::now() < end) {
            title = test::readFile(path);
            title = title.substr(0, title.find('\0'));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("patchbay: router"), title);
        ours.send(ipc::MessageType::quit, {});
        CPPUNIT_ASSERT_EQUAL(0, statusOf(pid));
    }

    void testChild()
    {
        UniqueFd kept(open("/dev/null", O_RDONLY | O_CLOEXEC));
        UniqueFd other(open("/dev/null", O_RDONLY | O_CLOEXEC));
        int fd = kept.get();
        pid_t pid = forkChild("", {&fd, 1}, [&] {
            bool right = fcntl(kept.get(), F_GETFD) >= 0 && fcntl(other.get(), F_GETFD) < 0;
            return right ? 3 : 4;
        });
        int status = statusOf(pid);
        CPPUNIT_ASSERT_EQUAL(std::string("exited with code 3"), endText(status));
        CPPUNIT_ASSERT_EQUAL(std::string("exited on signal 9"), endText(9));
        pid = forkChild("", {}, []() -> int { throw Error("a child that fails"); });
        CPPUNIT_ASSERT_EQUAL(std::string("exited with code 1"), endText(statusOf(pid)));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FilesTest);
