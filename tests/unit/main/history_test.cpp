// Earlier configurations: named after what they are, as many as wanted, none twice in a row.
#include "main/history.hpp"

#include "base/error.hpp"
#include "ipc/channel.hpp"
#include "main/files.hpp"
#include "main/temp_dir.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <csignal>

using namespace patchbay;
using namespace patchbay::main_;
using test::errorOf;
using test::TempDir;

namespace {

UniqueFd text(std::string_view content)
{
    return ipc::makeTextMemfd(content, "test");
}

} // namespace

class HistoryTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HistoryTest);
    CPPUNIT_TEST(testAddAndRead);
    CPPUNIT_TEST(testSameAgain);
    CPPUNIT_TEST(testKeep);
    CPPUNIT_TEST(testNames);
    CPPUNIT_TEST(testOrigins);
    CPPUNIT_TEST(testOldStayWhenNewFails);
    CPPUNIT_TEST(testCannotBeRemoved);
    CPPUNIT_TEST_SUITE_END();

    TempDir *dir_ = nullptr;

public:
    void setUp() override { dir_ = new TempDir; }
    void tearDown() override { delete dir_; }

    History history() const { return {*dir_ / "history", *dir_ / ".new"}; }

    void add(std::string_view content, std::size_t keep = 10, std::uint64_t time = 1795424400) const
    {
        history().add(text(content).get(), {99, time, 33, "api"}, keep);
    }

    // "3=c 2=b "
    std::string all() const
    {
        std::string result;
        for (const Version &version : history().list()) {
            result += std::to_string(version.id) + "=" +
                      ipc::readTextFd(history().read(version).get(), 1000) + " ";
        }
        return result;
    }

    void testAddAndRead()
    {
        CPPUNIT_ASSERT(history().list().empty());
        add("a");
        add("b", 10, 1795424401);
        CPPUNIT_ASSERT_EQUAL(
            std::string("000001-1795424400-33-api.json 000002-1795424401-33-api.json"),
            test::namesOf(*dir_ / "history"));
        CPPUNIT_ASSERT_EQUAL(mode_t{0700}, test::modeOf(*dir_ / "history"));
        CPPUNIT_ASSERT_EQUAL(mode_t{0600},
                             test::modeOf(*dir_ / "history/000001-1795424400-33-api.json"));
        std::vector<Version> versions = history().list();
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, versions.size());
        CPPUNIT_ASSERT(versions[0].id == 2 && versions[0].time == 1795424401);
        CPPUNIT_ASSERT(versions[0].author == 33 && versions[0].origin == "api");
        CPPUNIT_ASSERT_EQUAL(std::string("2=b 1=a "), all());
        CPPUNIT_ASSERT_EQUAL(std::string("a"),
                             ipc::readTextFd(history().read(std::uint64_t{1}).get(), 10));
        CPPUNIT_ASSERT_EQUAL(std::string("There is no version 3."),
                             errorOf([&] { history().read(std::uint64_t{3}); }));
    }

    void testSameAgain()
    {
        add("a");
        add("a");
        CPPUNIT_ASSERT_EQUAL(std::string("1=a "), all());
        add("b");
        add("a"); // not the newest: a version of its own
        CPPUNIT_ASSERT_EQUAL(std::string("3=a 2=b 1=a "), all());
        add("a", 2); // the number is lowered even so
        CPPUNIT_ASSERT_EQUAL(std::string("3=a 2=b "), all());
    }

    void testKeep()
    {
        for (const char *content : {"a", "b", "c", "d"}) {
            add(content, 3);
        }
        CPPUNIT_ASSERT_EQUAL(std::string("4=d 3=c 2=b "), all());
        add("e", 1);
        CPPUNIT_ASSERT_EQUAL(std::string("5=e "), all());
        add("f", 0);
        CPPUNIT_ASSERT_EQUAL(std::string(), all());
        CPPUNIT_ASSERT(test::namesOf(*dir_ / "history").empty());
    }

    void testNames()
    {
        add("a");
        for (const char *name :
             {"x", ".json", "000002-1-0-api.json.bak", "2-1-0-api.json", "0000002-1-0-api.json",
              "000002-01-0-api.json", "000002-1-0-API.json", "000002-1-0-.json", "000002-1-0-api",
              "000002-1-4294967296-api.json", "-1-0-api.json", "000002--0-api.json",
              "+00002-1-0-api.json", "000002-1-0-seventeen-letters.json",
              "1000000000000000-1-0-api.json", "18446744073709551616-1-0-api.json"}) {
            test::writeFile(*dir_ / ("history/" + std::string(name)), "not ours");
        }
        CPPUNIT_ASSERT_EQUAL(std::string("1=a "), all());
        test::writeFile(*dir_ / "history/1234567-1-0-up-load.json", "b");
        CPPUNIT_ASSERT_EQUAL(std::string("1234567=b 1=a "), all());
        add("c");
        CPPUNIT_ASSERT_EQUAL(std::string("1234568=c 1234567=b 1=a "), all());
        add("d", 1);
        CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{17},
                             std::distance(std::filesystem::directory_iterator(*dir_ / "history"),
                                           std::filesystem::directory_iterator()));
        makeDirectory(*dir_ / "history/2000000-1-0-api.json", 0700); // a name of ours, but no text
        add("e", 5);
        CPPUNIT_ASSERT_EQUAL(std::string("e"),
                             ipc::readTextFd(history().read(std::uint64_t{2000001}).get(), 10));
    }

    void testOrigins()
    {
        CPPUNIT_ASSERT(isOrigin("a") && isOrigin("roll-back") && isOrigin("sixteen--letters"));
        CPPUNIT_ASSERT(!isOrigin("") && !isOrigin("seventeen-letters") && !isOrigin("a/b"));
        CPPUNIT_ASSERT(!isOrigin("A") && !isOrigin("a1") && !isOrigin("a.") && !isOrigin(".."));
    }

    void testOldStayWhenNewFails()
    {
        add("a");
        std::string large(10'000, 'x');
        pid_t pid = fork();
        if (pid == 0) {
            UniqueFd content = text(large);
            rlimit limit{5000, 5000};
            setrlimit(RLIMIT_FSIZE, &limit);
            signal(SIGXFSZ, SIG_IGN);
            bool failed = false;
            try {
                history().add(content.get(), {0, 1, 0, "api"}, 1);
            } catch (const FileError &error) {
                failed = error.number() == EFBIG;
            }
            _exit(failed ? 0 : 1);
        }
        CPPUNIT_ASSERT_EQUAL(0, test::statusOf(pid));
        CPPUNIT_ASSERT_EQUAL(std::string("1=a "), all());
        CPPUNIT_ASSERT_EQUAL(std::string("history"), test::namesOf(*dir_ / ""));
    }

    void testCannotBeRemoved()
    {
        std::string path = *dir_ / "history/000001-1-0-api.json";
        makeDirectory(path + "/x", 0700);
        CPPUNIT_ASSERT_EQUAL("The stored configuration \"" + path +
                                 "\" cannot be removed: Is a directory.",
                             errorOf([&] { add("a", 1); }));
        CPPUNIT_ASSERT_EQUAL(std::string("a"),
                             ipc::readTextFd(history().read(std::uint64_t{2}).get(), 10));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HistoryTest);
