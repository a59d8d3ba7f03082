// Options that passed the schema: what only the file system knows.
#include "runtime/options.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;
using namespace patchbay::php;

std::string refusal(const std::string &json)
{
    try {
        parseOptions(json);
        return "";
    } catch (const std::exception &error) {
        return error.what();
    }
}

} // namespace

class PhpOptionsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PhpOptionsTest);
    CPPUNIT_TEST(testRoot);
    CPPUNIT_TEST(testScript);
    CPPUNIT_TEST(testTargets);
    CPPUNIT_TEST(testSettings);
    CPPUNIT_TEST_SUITE_END();

    fs::path dir_;

public:
    void setUp() override
    {
        char pattern[] = "/tmp/patchbay-php-XXXXXX";
        CPPUNIT_ASSERT(mkdtemp(pattern) != nullptr);
        dir_ = fs::canonical(pattern);
        fs::create_directories(dir_ / "root" / "sub");
        for (const char *file : {"outside.php", "root/a.php", "root/sub/b.php", "own.ini"}) {
            std::ofstream(dir_ / file) << "";
        }
        fs::create_directory_symlink("root", dir_ / "link");
        fs::create_symlink("../outside.php", dir_ / "root" / "leaves.php");
        fs::create_symlink("sub/b.php", dir_ / "root" / "stays.php");
        fs::create_directories(dir_ / "root2");
        std::ofstream(dir_ / "root2" / "c.php") << "";
    }
    void tearDown() override { fs::remove_all(dir_); }

    void testRoot()
    {
        const Options options = parseOptions(json("link/"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, options.targets.size());
        CPPUNIT_ASSERT_EQUAL(root(), options.targets[0].root);
        CPPUNIT_ASSERT_EQUAL(std::string("index.php"), options.targets[0].index);
        CPPUNIT_ASSERT_EQUAL(std::string(), parseOptions(R"({"root": "/"})").targets[0].root);
        CPPUNIT_ASSERT_EQUAL("The \"root\" \"" + dir_.string() +
                                 "/no\" cannot be used: No such file or directory.",
                             refusal(json("no")));
        CPPUNIT_ASSERT_EQUAL("The \"root\" \"" + dir_.string() + "/own.ini\" is not a directory.",
                             refusal(json("own.ini")));
    }

    void testScript()
    {
        const auto script = [&](const std::string &name) {
            return json("root", R"(, "script": ")" + name + "\"");
        };
        CPPUNIT_ASSERT_EQUAL(std::string("/a.php"),
                             parseOptions(script("a.php")).targets[0].script);
        CPPUNIT_ASSERT_EQUAL(std::string("/sub/b.php"),
                             parseOptions(script("/sub/../sub/b.php")).targets[0].script);
        CPPUNIT_ASSERT_EQUAL(std::string("/sub/b.php"),
                             parseOptions(script("stays.php")).targets[0].script);
        for (const char *name : {"../outside.php", "leaves.php", "../root2/c.php"}) {
            CPPUNIT_ASSERT_EQUAL("The \"script\" \"" + std::string(name) +
                                     "\" lies outside of the root \"" + root() + "\".",
                                 refusal(script(name)));
        }
        CPPUNIT_ASSERT_EQUAL(
            std::string("The \"script\" \"x.php\" cannot be used: No such file or directory."),
            refusal(script("x.php")));
        CPPUNIT_ASSERT_EQUAL(std::string("The \"script\" \"sub\" is a directory."),
                             refusal(script("sub")));
    }

    void testTargets()
    {
        const std::string a = R"("a": {"root": ")" + root() + R"(", "script": "a.php"})";
        const std::string b = R"("b": {"root": ")" + root() + R"(", "index": "b.php"})";
        const Options options = parseOptions(R"({"targets": {)" + a + ", " + b + "}}");
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, options.targets.size());
        CPPUNIT_ASSERT_EQUAL(std::string("/a.php"), options.targets[0].script);
        CPPUNIT_ASSERT_EQUAL(std::string("b.php"), options.targets[1].index);
        CPPUNIT_ASSERT_EQUAL(
            std::string("The \"root\" \"/no\" of target \"x\" cannot be used: No such file or "
                        "directory."),
            refusal(R"({"targets": {)" + a + R"(, "x": {"root": "/no"}}})"));
    }

    void testSettings()
    {
        const auto with = [&](const std::string &options) {
            return json("root", R"(, "options": {)" + options + "}");
        };
        const Options options =
            parseOptions(with(R"("admin": {"a": "1", "b": ""}, "user": {"a": "2"}, "file": ")" +
                              (dir_ / "own.ini").string() + "\""));
        CPPUNIT_ASSERT_EQUAL((dir_ / "own.ini").string(), options.file);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, options.settings.size());
        CPPUNIT_ASSERT(!options.settings[0].admin); // admin's come last and count
        CPPUNIT_ASSERT_EQUAL(std::string("2"), options.settings[0].value);
        CPPUNIT_ASSERT(options.settings[1].admin && options.settings[2].admin);
        CPPUNIT_ASSERT_EQUAL(std::string("The \"file\" \"/no.ini\" of the PHP options cannot be "
                                         "used: No such file or directory."),
                             refusal(with(R"("file": "/no.ini")")));
    }

private:
    std::string root() const { return (dir_ / "root").string(); }
    std::string json(const std::string &rootName, const std::string &more = "") const
    {
        return R"({"type": "php", "root": ")" + (dir_ / rootName).string() + "\"" + more + "}";
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(PhpOptionsTest);
