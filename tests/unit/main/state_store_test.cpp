// The state directory: what is in it, with which modes, and whose names it takes.
#include "main/state_store.hpp"

#include "base/error.hpp"
#include "ipc/bundle.hpp"
#include "ipc/channel.hpp"
#include "main/durable_file.hpp"
#include "main/files.hpp"
#include "main/temp_dir.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

using namespace patchbay;
using namespace patchbay::main_;
using test::errorOf;
using test::modeOf;
using test::TempDir;

namespace {

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

std::string itemsOf(const StateStore &store, const char *area)
{
    std::string items;
    for (const ipc::NamedText &item :
         ipc::readBundle(store.readArea(area).get(), ipc::kMaxConfigText)) {
        items += item.name + "=" + item.text + " ";
    }
    return items;
}

} // namespace

class StateStoreTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(StateStoreTest);
    CPPUNIT_TEST(testPrepare);
    CPPUNIT_TEST(testCurrent);
    CPPUNIT_TEST(testCurrentErrors);
    CPPUNIT_TEST(testItems);
    CPPUNIT_TEST(testBadItems);
    CPPUNIT_TEST(testUnreadableItems);
    CPPUNIT_TEST(testSameContent);
    CPPUNIT_TEST_SUITE_END();

public:
    void testPrepare()
    {
        TempDir dir;
        StateStore store(dir / "lib/state");
        mode_t before = umask(022);
        store.prepare();
        umask(before);
        CPPUNIT_ASSERT_EQUAL(mode_t{0700}, modeOf(dir / "lib/state"));
        CPPUNIT_ASSERT_EQUAL(std::string("13500"), test::readFile(dir / "lib/state/version"));
        CPPUNIT_ASSERT_EQUAL(mode_t{0600}, modeOf(dir / "lib/state/version"));
        CPPUNIT_ASSERT(!store.readCurrent());
        test::writeFile(dir / "lib/state/version", "12400");
        test::writeFile(dir / "lib/state/conf.json", "{}");
        test::writeFile(dir / "lib/state/.new", "of a crash");
        store.prepare();
        CPPUNIT_ASSERT_EQUAL(std::string("12400"), test::readFile(dir / "lib/state/version"));
        CPPUNIT_ASSERT_EQUAL(std::string("conf.json version"), test::namesOf(dir / "lib/state"));
    }

    void testCurrent()
    {
        TempDir dir;
        StateStore store(dir / "state");
        std::string large(2'000'000, 'x');
        store.storeCurrent(text(large).get()); // makes the directory as well
        CPPUNIT_ASSERT_EQUAL(mode_t{0700}, modeOf(dir / "state"));
        CPPUNIT_ASSERT_EQUAL(mode_t{0600}, modeOf(store.currentPath()));
        CPPUNIT_ASSERT(ipc::readTextFd(store.readCurrent().get(), large.size()) == large);
        test::writeFile(dir / "state/.new", "of a crash");
        UniqueFd next = text("{\"a\":1}");
        lseek(next.get(), 3, SEEK_SET); // whoever has read in it before
        store.storeCurrent(next.get());
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":1}"), test::readFile(dir / "state/conf.json"));
        CPPUNIT_ASSERT_EQUAL(std::string("conf.json version"), test::namesOf(dir / "state"));
    }

    void testCurrentErrors()
    {
        TempDir dir;
        test::writeFile(dir / "file", "");
        StateStore nowhere(dir / "file/state");
        CPPUNIT_ASSERT_EQUAL(ENOTDIR, numberOf([&] { nowhere.storeCurrent(text("{}").get()); }));
        StateStore store(dir / "state");
        makeDirectory(dir / "state/conf.json", 0700);
        CPPUNIT_ASSERT_EQUAL("The file \"" + dir / "state/conf.json" +
                                 "\" cannot be written: Is a directory.",
                             errorOf([&] { store.storeCurrent(text("{}").get()); }));
        CPPUNIT_ASSERT(access((dir / "state/.new").c_str(), F_OK) != 0);
        CPPUNIT_ASSERT_EQUAL("The stored configuration \"" + dir / "state/conf.json" +
                                 "\" is not a regular file.",
                             errorOf([&] { store.readCurrent(); }));
    }

    void testItems()
    {
        TempDir dir;
        StateStore store(dir / "state");
        CPPUNIT_ASSERT_EQUAL(std::string(), itemsOf(store, "certs"));
        std::string longest(255, 'n');
        for (const std::string &name : {std::string("a%2Fb"), std::string(".new"),
                                        std::string("..."), std::string("line\nbreak"), longest}) {
            store.storeItem("certs", name, text("PEM of " + name.substr(0, 5)).get());
            CPPUNIT_ASSERT_EQUAL("PEM of " + name.substr(0, 5),
                                 test::readFile(dir / ("state/certs/" + name)));
            CPPUNIT_ASSERT_EQUAL(mode_t{0600}, modeOf(dir / ("state/certs/" + name)));
        }
        CPPUNIT_ASSERT_EQUAL(mode_t{0700}, modeOf(dir / "state/certs"));
        store.storeItem("certs", "a%2Fb", text("new").get());
        store.removeItem("certs", longest);
        store.storeItem("scripts", "x.js", text("code").get());
        CPPUNIT_ASSERT_EQUAL(std::string("...=PEM of ... .new=PEM of .new a%2Fb=new "
                                         "line\nbreak=PEM of line\n "),
                             itemsOf(store, "certs"));
        CPPUNIT_ASSERT_EQUAL(std::string("x.js=code "), itemsOf(store, "scripts"));
        CPPUNIT_ASSERT_EQUAL(ENOENT, numberOf([&] { store.removeItem("certs", "none"); }));
        CPPUNIT_ASSERT(access((dir / "state/.new").c_str(), F_OK) != 0);
    }

    void testBadItems()
    {
        TempDir dir;
        StateStore store(dir / "state");
        store.prepare();
        for (const std::string &name :
             {std::string(), std::string("."), std::string(".."), std::string("../conf.json"),
              std::string("a/b"), std::string("/etc/passwd"), std::string("a\0b", 3),
              std::string(256, 'n')}) {
            CPPUNIT_ASSERT_EQUAL(
                EINVAL, numberOf([&] { store.storeItem("certs", name, text("x").get()); }));
            CPPUNIT_ASSERT_EQUAL(EINVAL, numberOf([&] { store.removeItem("certs", name); }));
        }
        for (const char *area : {"", ".", "..", "history", "certs/", "Certs"}) {
            CPPUNIT_ASSERT_EQUAL(EINVAL,
                                 numberOf([&] { store.storeItem(area, "x", text("x").get()); }));
            CPPUNIT_ASSERT_EQUAL(EINVAL, numberOf([&] { store.removeItem(area, "version"); }));
            CPPUNIT_ASSERT_EQUAL(EINVAL, numberOf([&] { store.readArea(area); }));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("version"), test::namesOf(dir / "state"));
    }

    void testUnreadableItems()
    {
        TempDir dir;
        StateStore store(dir / "state");
        store.storeItem("certs", "good", text("x").get());
        makeDirectory(dir / "state/certs/directory", 0700);
        CPPUNIT_ASSERT_EQUAL(0, symlink("nowhere", (dir / "state/certs/link").c_str()));
        CPPUNIT_ASSERT_EQUAL(std::string("good=x "), itemsOf(store, "certs"));
        std::filesystem::remove_all(dir / "state/certs");
        test::writeFile(dir / "state/certs", "a file");
        CPPUNIT_ASSERT_EQUAL(ENOTDIR, numberOf([&] { store.readArea("certs"); }));
    }

    void testSameContent()
    {
        TempDir dir;
        std::string content(100'000, 'a');
        test::writeFile(dir / "same", content);
        UniqueFd file(open((dir / "same").c_str(), O_RDONLY | O_CLOEXEC));
        CPPUNIT_ASSERT(sameContent(file.get(), text(content).get()));
        CPPUNIT_ASSERT(sameContent(text("").get(), text("").get()));
        CPPUNIT_ASSERT(!sameContent(file.get(), text(content + "a").get()));
        for (std::size_t place : {std::size_t{0}, std::size_t{16384}, content.size() - 1}) {
            std::string other = content;
            other[place] = 'b';
            CPPUNIT_ASSERT(!sameContent(file.get(), text(other).get()));
        }
        CPPUNIT_ASSERT(!sameContent(-1, file.get()));
        UniqueFd writeOnly(open((dir / "same").c_str(), O_WRONLY | O_CLOEXEC));
        CPPUNIT_ASSERT(!sameContent(writeOnly.get(), file.get()));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(StateStoreTest);
