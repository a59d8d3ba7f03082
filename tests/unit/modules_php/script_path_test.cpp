// Which script a path means: the table of app-interfaces 4 over an imagined file system.
#include "runtime/script_path.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <vector>

namespace {

using namespace patchbay::php;
using Action = Decision::Action;

class ImaginedFiles final : public FileSystem {
public:
    FileKind look(const std::string &file) override
    {
        const auto found = files.find(file);
        return found == files.end() ? FileKind::missing : found->second;
    }

    std::map<std::string, FileKind> files{{"/r", FileKind::directory},
                                          {"/r/", FileKind::directory},
                                          {"/r/index.php", FileKind::regular},
                                          {"/r/a.php", FileKind::regular},
                                          {"/r/.php", FileKind::regular},
                                          {"/r/sub", FileKind::directory},
                                          {"/r/sub/", FileKind::directory},
                                          {"/r/sub/page.php", FileKind::regular},
                                          {"/r/dir.php", FileKind::directory},
                                          {"/r/secret.php", FileKind::forbidden},
                                          {"/r/secret.txt", FileKind::forbidden},
                                          {"/r/file.txt", FileKind::regular},
                                          {"/r/main.html", FileKind::regular}};
};

struct Row {
    const char *path;
    Action action;
    const char *name = "";
    const char *info = "";
};

void check(const Target &target, const std::vector<Row> &rows)
{
    ImaginedFiles files;
    for (const Row &row : rows) {
        const Decision got = decide(target, row.path, files);
        CPPUNIT_ASSERT_MESSAGE(row.path, row.action == got.action);
        if (row.action == Action::run) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row.path, std::string(row.name), got.scriptName);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row.path, std::string(row.info), got.pathInfo);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row.path, "/r" + got.scriptName, got.file);
        }
    }
}

} // namespace

class ScriptPathTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ScriptPathTest);
    CPPUNIT_TEST(testByPath);
    CPPUNIT_TEST(testScript);
    CPPUNIT_TEST(testIndex);
    CPPUNIT_TEST(testEncoding);
    CPPUNIT_TEST(testAnUntouchedFile);
    CPPUNIT_TEST(testTrustedForAWhile);
    CPPUNIT_TEST_SUITE_END();

public:
    void testByPath()
    {
        check({"/r", "", "index.php"},
              {{"/", Action::run, "/index.php"},
               {"/a.php", Action::run, "/a.php"},
               {"/a.php/", Action::run, "/a.php", "/"},
               {"/a.php/info/x", Action::run, "/a.php", "/info/x"},
               {"/a.php/b.php/c", Action::run, "/a.php", "/b.php/c"},
               {"/a.php/x.txt", Action::run, "/a.php", "/x.txt"},
               {"/sub/page.php/sub/page.php", Action::run, "/sub/page.php", "/sub/page.php"},
               {"/.php", Action::run, "/.php"},
               {"/sub", Action::addSlash},
               {"/sub/", Action::notFound}, // no index there
               {"/none", Action::notFound},
               {"/none/", Action::notFound},
               {"/none.php", Action::notFound},
               {"/none.php/a.php", Action::notFound},
               {"/a.PHP", Action::notFound},
               {"/a.phpx", Action::notFound},
               {"/dir.php", Action::notFound},
               {"/dir.php/", Action::notFound},
               {"/file.txt", Action::forbidden},
               {"/secret.txt", Action::forbidden},
               {"/secret.php", Action::forbidden},
               {"/secret.php/info", Action::forbidden},
               {"", Action::notFound},
               {"a.php", Action::notFound}});
    }

    void testScript()
    {
        const Target always{"/r", "/a.php", "index.php"};
        check(always, {{"/", Action::run, "/a.php"},
                       {"/sub", Action::run, "/a.php"},
                       {"/sub/page.php/x", Action::run, "/a.php"},
                       {"/file.txt", Action::run, "/a.php"}});
        check({"/r", "/file.txt", ""}, {{"/x", Action::run, "/file.txt"}}); // whatever it is called
        check({"/r", "/gone.php", ""}, {{"/x", Action::notFound}});
        check({"/r", "/secret.php", ""}, {{"/x", Action::forbidden}});
    }

    void testIndex()
    {
        check({"/r", "", "page.php"},
              {{"/sub/", Action::run, "/sub/page.php"}, {"/", Action::notFound}});
        check({"/r", "", "main.html"}, {{"/", Action::forbidden}, {"/none/", Action::notFound}});
        check({"/r", "", "sub"}, {{"/", Action::forbidden}}); // never a redirect to itself
        check({"/r", "", ""}, {{"/", Action::forbidden}});
    }

    void testEncoding()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("/a-._~b/%20%0D%0A%25%C3%A4%22"),
                             percentEncoded("/a-._~b/ \r\n%ä\""));
    }

    // What may spare a request the look at permissions and the change of directory.
    void testAnUntouchedFile()
    {
        char directory[] = "/tmp/script-path-XXXXXX";
        CPPUNIT_ASSERT(mkdtemp(directory) != nullptr);
        const std::string file = std::string(directory) + "/a.php";
        const std::string other = std::string(directory) + "/b.php";
        std::ofstream(file) << "a";
        std::ofstream(other) << "b";
        RealFileSystem files;
        const auto same = [&](const std::string &name) {
            CPPUNIT_ASSERT(files.look(name) == FileKind::regular);
            return files.sameAgain();
        };
        CPPUNIT_ASSERT(!same(file));
        CPPUNIT_ASSERT(same(file));
        CPPUNIT_ASSERT(files.look(file + "x") == FileKind::missing);
        CPPUNIT_ASSERT(!files.sameAgain());
        CPPUNIT_ASSERT(same(file)); // nothing else has been run in between
        CPPUNIT_ASSERT(!same(other));
        CPPUNIT_ASSERT(!same(file));
        chmod(file.c_str(), 0600);
        CPPUNIT_ASSERT(!same(file));
        CPPUNIT_ASSERT(same(file));
        rename(other.c_str(), file.c_str());
        CPPUNIT_ASSERT(!same(file));
        CPPUNIT_ASSERT(same(file));
        CPPUNIT_ASSERT_EQUAL(0, link(file.c_str(), other.c_str()));
        CPPUNIT_ASSERT(!same(file));
        CPPUNIT_ASSERT(!same(file)); // it may be found by its other name
        unlink(file.c_str());
        CPPUNIT_ASSERT(files.look(file) == FileKind::missing);
        unlink(other.c_str());
        rmdir(directory);
    }

    void testTrustedForAWhile()
    {
        char directory[] = "/tmp/script-path-XXXXXX";
        CPPUNIT_ASSERT(mkdtemp(directory) != nullptr);
        const std::string file = std::string(directory) + "/a.php";
        const std::string other = std::string(directory) + "/b.php";
        std::ofstream(file) << "a";
        RealFileSystem forAnHour(std::chrono::hours(1));
        RealFileSystem forNothing;
        for (RealFileSystem *files : {&forAnHour, &forNothing}) {
            CPPUNIT_ASSERT(files->look(file) == FileKind::regular);
            CPPUNIT_ASSERT(files->look(other) == FileKind::missing);
        }
        rename(file.c_str(), other.c_str());
        CPPUNIT_ASSERT(forAnHour.look(file) == FileKind::regular && forAnHour.sameAgain());
        CPPUNIT_ASSERT(forAnHour.look(other) == FileKind::regular && !forAnHour.sameAgain());
        CPPUNIT_ASSERT(forAnHour.look(file) == FileKind::missing);
        CPPUNIT_ASSERT(forNothing.look(file) == FileKind::missing);
        CPPUNIT_ASSERT_EQUAL(0, link(other.c_str(), file.c_str()));
        CPPUNIT_ASSERT(forAnHour.look(file) == FileKind::regular);
        unlink(file.c_str());
        CPPUNIT_ASSERT(forAnHour.look(file) == FileKind::missing); // it had two names
        unlink(other.c_str());
        rmdir(directory);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ScriptPathTest);
