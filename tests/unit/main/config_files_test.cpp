// The declared configuration: FILE, conf.d beside it, and what they refer to.
#include "main/config_files.hpp"

#include "base/error.hpp"
#include "ipc/bundle.hpp"
#include "ipc/channel.hpp"
#include "main/files.hpp"
#include "main/temp_dir.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

using namespace patchbay;
using namespace patchbay::main_;
using test::errorOf;
using test::TempDir;
using test::writeFile;

namespace {

std::vector<ipc::NamedText> read(const std::string &file)
{
    return ipc::readBundle(ConfigFiles(file).read().get(), ipc::kMaxConfigText);
}

std::string namesOf(const std::vector<ipc::NamedText> &texts, const std::string &directory)
{
    std::string names;
    for (const ipc::NamedText &text : texts) {
        CPPUNIT_ASSERT(text.name.starts_with(directory));
        names += text.name.substr(directory.size()) + "=" + text.text + " ";
    }
    return names;
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

} // namespace

class ConfigFilesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ConfigFilesTest);
    CPPUNIT_TEST(testOneFile);
    CPPUNIT_TEST(testErrors);
    CPPUNIT_TEST(testDirectory);
    CPPUNIT_TEST(testDirectoryErrors);
    CPPUNIT_TEST(testRelativePath);
    CPPUNIT_TEST(testLimit);
    CPPUNIT_TEST(testReferenced);
    CPPUNIT_TEST_SUITE_END();

public:
    void testOneFile()
    {
        TempDir dir;
        std::string text = "{ \"a\": 1 }\n// " + std::string(3'000'000, 'x') + "\n";
        writeFile(dir / "c.json", text);
        writeFile(dir / "other.json", "not ours");
        ConfigFiles files(dir / "c.json");
        CPPUNIT_ASSERT(files.hasFile() && !ConfigFiles("").hasFile());
        UniqueFd bundle = files.read();
        writeFile(dir / "c.json", "changed");
        auto texts = ipc::readBundle(bundle.get(), ipc::kMaxConfigText);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, texts.size());
        CPPUNIT_ASSERT_EQUAL(dir / "c.json", texts[0].name);
        CPPUNIT_ASSERT(texts[0].text == text);
        CPPUNIT_ASSERT(write(bundle.get(), "x", 1) < 0); // sealed
        CPPUNIT_ASSERT_EQUAL(std::string("changed"), read(dir / "c.json").at(0).text);
    }

    void testErrors()
    {
        TempDir dir;
        CPPUNIT_ASSERT_EQUAL("The configuration file \"" + dir / "none" +
                                 "\" cannot be opened: No such file or directory.",
                             errorOf([&] { read(dir / "none"); }));
        CPPUNIT_ASSERT_EQUAL("The configuration file \"" + dir / "" + "\" is not a regular file.",
                             errorOf([&] { read(dir / ""); }));
        CPPUNIT_ASSERT_EQUAL(0, mkfifo((dir / "fifo").c_str(), 0600));
        CPPUNIT_ASSERT_EQUAL("The configuration file \"" + dir / "fifo" +
                                 "\" is not a regular file.",
                             errorOf([&] { read(dir / "fifo"); }));
    }

    void testDirectory()
    {
        TempDir dir;
        writeFile(dir / "c.json", "main");
        makeDirectory(dir / "conf.d/sub.json", 0755);
        writeFile(dir / "conf.d/b.json", "b");
        writeFile(dir / "conf.d/a.json", "a");
        writeFile(dir / "conf.d/Z.json", "Z");
        writeFile(dir / "conf.d/10.json", "10");
        writeFile(dir / "conf.d/9.json", "9");
        writeFile(dir / "conf.d/\xc3\xa9.json", "e");
        for (const char *skipped :
             {".hidden.json", "a.json~", "a.json.dpkg-old", ".json", "json"}) {
            writeFile(dir / ("conf.d/" + std::string(skipped)), "skipped");
        }
        CPPUNIT_ASSERT_EQUAL(0, mkfifo((dir / "conf.d/fifo.json").c_str(), 0600));
        CPPUNIT_ASSERT_EQUAL(0, symlink("../elsewhere", (dir / "conf.d/link.json").c_str()));
        writeFile(dir / "elsewhere", "linked");
        makeSocket(dir / "conf.d/socket.json");
        CPPUNIT_ASSERT_EQUAL(
            std::string("c.json=main conf.d/10.json=10 conf.d/9.json=9 conf.d/Z.json=Z "
                        "conf.d/a.json=a conf.d/b.json=b conf.d/link.json=linked "
                        "conf.d/\xc3\xa9.json=e "),
            namesOf(read(dir / "c.json"), dir / ""));
    }

    void testDirectoryErrors()
    {
        TempDir dir;
        writeFile(dir / "c.json", "{}");
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, read(dir / "c.json").size());
        writeFile(dir / "conf.d", "a file");
        CPPUNIT_ASSERT_EQUAL("The configuration directory \"" + dir / "conf.d" +
                                 "\" cannot be opened: Not a directory.",
                             errorOf([&] { read(dir / "c.json"); }));
        CPPUNIT_ASSERT_EQUAL(0, unlink((dir / "conf.d").c_str()));
        makeDirectory(dir / "conf.d", 0755);
        CPPUNIT_ASSERT_EQUAL(0, symlink("nowhere", (dir / "conf.d/x.json").c_str()));
        CPPUNIT_ASSERT_EQUAL("The configuration file \"" + dir / "conf.d/x.json" +
                                 "\" cannot be opened: No such file or directory.",
                             errorOf([&] { read(dir / "c.json"); }));
    }

    void testRelativePath()
    {
        TempDir dir;
        writeFile(dir / "c.json", "main");
        makeDirectory(dir / "conf.d", 0755);
        writeFile(dir / "conf.d/a.json", "a");
        std::filesystem::path before = std::filesystem::current_path();
        std::filesystem::current_path(dir / "");
        std::string names = namesOf(read("c.json"), "");
        std::filesystem::current_path(before);
        CPPUNIT_ASSERT_EQUAL(std::string("c.json=main conf.d/a.json=a "), names);
    }

    void testLimit()
    {
        TempDir dir;
        writeFile(dir / "c.json", "");
        CPPUNIT_ASSERT_EQUAL(0, truncate((dir / "c.json").c_str(), ipc::kMaxConfigText + 1));
        CPPUNIT_ASSERT_EQUAL("The configuration file \"" + dir / "c.json" +
                                 "\" is larger than 32 MiB.",
                             errorOf([&] { read(dir / "c.json"); }));
        CPPUNIT_ASSERT_EQUAL(0, truncate((dir / "c.json").c_str(), ipc::kMaxConfigText));
        CPPUNIT_ASSERT_EQUAL(ipc::kMaxConfigText, read(dir / "c.json").at(0).text.size());
        makeDirectory(dir / "conf.d", 0755);
        writeFile(dir / "conf.d/a.json", "x");
        CPPUNIT_ASSERT_EQUAL("The configuration files up to \"" + dir / "conf.d/a.json" +
                                 "\" are together larger than 32 MiB.",
                             errorOf([&] { read(dir / "c.json"); }));
    }

    void testReferenced()
    {
        TempDir dir;
        std::string secret("key\0\n", 5);
        writeFile(dir / "secret", secret);
        CPPUNIT_ASSERT(ipc::readTextFd(readReferenced(dir / "secret").get(), 100) == secret);
        writeFile(dir / "large", std::string(kMaxReferenced, 'x'));
        CPPUNIT_ASSERT_EQUAL(kMaxReferenced,
                             ipc::readTextFd(readReferenced(dir / "large").get(), 100'000).size());
        writeFile(dir / "large", std::string(kMaxReferenced + 1, 'x'));
        CPPUNIT_ASSERT_EQUAL("The file \"" + dir / "large" + "\" is larger than 64 KiB.",
                             errorOf([&] { readReferenced(dir / "large"); }));
        CPPUNIT_ASSERT_EQUAL(EFBIG, numberOf([&] { readReferenced(dir / "large"); }));
        CPPUNIT_ASSERT_EQUAL(ENOENT, numberOf([&] { readReferenced(dir / "none"); }));
        CPPUNIT_ASSERT_EQUAL(EINVAL, numberOf([&] { readReferenced(""); }));
        CPPUNIT_ASSERT_EQUAL(EINVAL, numberOf([&] { readReferenced("secret"); }));
        CPPUNIT_ASSERT_EQUAL(EINVAL,
                             numberOf([&] { readReferenced(dir / std::string("secret\0x", 8)); }));
        CPPUNIT_ASSERT_EQUAL(ENAMETOOLONG,
                             numberOf([&] { readReferenced("/" + std::string(50'000, 'x')); }));
        CPPUNIT_ASSERT_EQUAL(0, mkfifo((dir / "fifo").c_str(), 0600));
        for (const std::string &other : {dir / "fifo", dir / "", std::string("/dev/zero")}) {
            CPPUNIT_ASSERT_EQUAL("The file \"" + other + "\" is not a regular file.",
                                 errorOf([&] { readReferenced(other); }));
        }
    }

private:
    static void makeSocket(const std::string &path)
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        CPPUNIT_ASSERT(path.size() < sizeof address.sun_path);
        std::memcpy(address.sun_path, path.data(), path.size());
        UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        CPPUNIT_ASSERT_EQUAL(
            0, bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConfigFilesTest);
