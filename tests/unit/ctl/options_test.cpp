// patchbayctl's command line, and the paths and values on it.
#include "ctl/input.hpp"
#include "ctl/options.hpp"
#include "ctl/request_path.hpp"
#include "main/temp_dir.hpp"

using namespace patchbay;
using namespace patchbay::ctl;
using patchbay::test::errorOf;

class CtlOptionsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CtlOptionsTest);
    CPPUNIT_TEST(testCommands);
    CPPUNIT_TEST(testOptions);
    CPPUNIT_TEST(testControl);
    CPPUNIT_TEST(testActions);
    CPPUNIT_TEST(testErrors);
    CPPUNIT_TEST(testHelpNamesAll);
    CPPUNIT_TEST(testPaths);
    CPPUNIT_TEST(testValues);
    CPPUNIT_TEST(testShellWords);
    CPPUNIT_TEST_SUITE_END();

    static Options parse(std::vector<const char *> arguments)
    {
        return parseOptions(arguments, nullptr);
    }
    static std::string failure(std::vector<const char *> arguments)
    {
        try {
            parse(arguments);
        } catch (const UsageError &error) {
            return error.what();
        }
        return {};
    }

public:
    void testCommands()
    {
        const auto check = [](std::vector<const char *> arguments, const char *command,
                              std::vector<std::string> rest) {
            const Options options = parse(arguments);
            CPPUNIT_ASSERT_EQUAL(std::string(command), std::string(options.command->name));
            CPPUNIT_ASSERT(rest == options.arguments);
        };
        check({"status"}, "status", {});
        check({"config", "get"}, "config get", {});
        check({"config", "get", "/x"}, "config get", {"/x"});
        check({"config", "set", "a/b", "-5"}, "config set", {"a/b", "-5"});
        check({"config", "set", "a/b", "-"}, "config set", {"a/b", "-"});
        check({"config", "set", "--", "a", "--json"}, "config set", {"a", "--json"});
        check({"history"}, "history", {});
        check({"history", "show", "3"}, "history show", {"3"});
        check({"--json", "rollback", "--quiet", "7"}, "rollback", {"7"});
    }

    void testOptions()
    {
        const Options options =
            parse({"--timeout=5", "reload", "--json", "--quiet", "--control", "unix:/x"});
        CPPUNIT_ASSERT(options.json && options.quiet && !options.string);
        CPPUNIT_ASSERT(options.timeout == std::chrono::seconds(5));
        CPPUNIT_ASSERT_EQUAL(std::string("unix:/x"), options.control);
        CPPUNIT_ASSERT(!parse({"reload"}).timeout);
        CPPUNIT_ASSERT(parse({"config", "set", "--string", "/a", "b"}).string);
    }

    void testControl()
    {
        const std::vector<const char *> plain{"status"}, given{"status", "--control=unix:/b"};
        CPPUNIT_ASSERT_EQUAL(defaultControl(), parseOptions(plain, nullptr).control);
        CPPUNIT_ASSERT_EQUAL(defaultControl(), parseOptions(plain, "").control);
        CPPUNIT_ASSERT_EQUAL(std::string("unix:/a"), parseOptions(plain, "unix:/a").control);
        CPPUNIT_ASSERT_EQUAL(std::string("unix:/b"), parseOptions(given, "unix:/a").control);
    }

    void testActions()
    {
        CPPUNIT_ASSERT(parse({"--help"}).action == Options::Action::help);
        CPPUNIT_ASSERT(parse({"nonsense", "-h"}).action == Options::Action::help);
        CPPUNIT_ASSERT(parse({"--version"}).action == Options::Action::version);
    }

    void testErrors()
    {
        const std::pair<std::vector<const char *>, std::string> table[] = {
            {{}, "a command is missing"},
            {{"statsu"}, "unknown command \"statsu\". Did you mean \"status\"?"},
            {{"frobnicate"}, "unknown command \"frobnicate\""},
            {{"config"}, "\"config\" needs one of: get, set, append, delete, edit"},
            {{"config", "gte"}, "unknown command \"config gte\". Did you mean \"config get\"?"},
            {{"config", "frob"},
             "unknown command \"config frob\". There are: get, set, append, delete, edit"},
            {{"confg", "get", "/x"}, "unknown command \"confg\". Did you mean \"config get\"?"},
            {{"confg"}, "unknown command \"confg\". Did you mean \"config\"?"},
            {{"--jsno", "status"}, "unknown option \"--jsno\". Did you mean \"--json\"?"},
            {{"-x"}, "unknown option \"-x\""},
            {{"status", "--control"}, "option \"--control\" needs an address"},
            {{"status", "--control="}, "option \"--control\" needs an address"},
            {{"status", "--json=1"}, "option \"--json\" takes no value"},
            {{"status", "--timeout", "0"},
             "option \"--timeout\" needs a number of seconds, at least 1, not \"0\""},
            {{"status", "--timeout=5s"},
             "option \"--timeout\" needs a number of seconds, at least 1, not \"5s\""},
            {{"status", "x"}, "too many arguments: \"x\"\nusage: patchbayctl status"},
            {{"config", "set", "/x"},
             "too few arguments\nusage: patchbayctl config set PATH VALUE"},
            {{"history", "shwo"}, "too many arguments: \"shwo\"\nusage: patchbayctl history"},
            {{"status", "--string"},
             "option \"--string\" goes with \"config set\" and \"config append\" only"},
        };
        for (const auto &[arguments, said] : table) {
            CPPUNIT_ASSERT_EQUAL(said, failure(arguments));
        }
    }

    void testHelpNamesAll()
    {
        const std::string help = helpText();
        for (const Command &command : commands()) {
            CPPUNIT_ASSERT_MESSAGE(std::string(command.name),
                                   help.find("\n  " + std::string(command.name)) != help.npos);
        }
        std::istringstream lines(help);
        for (std::string line; std::getline(lines, line);) {
            CPPUNIT_ASSERT_MESSAGE(line, line.size() <= 100);
        }
    }

    void testPaths()
    {
        const std::pair<const char *, const char *> table[] = {
            {"/", "/config"},
            {"", "/config"},
            {"/listeners/*:8080/pass", "/config/listeners/*:8080/pass"},
            {"listeners/*:8080/pass", "/config/listeners/*:8080/pass"},
            {"//listeners//x/", "/config/listeners/x"},
            {"listeners/unix:%2Frun%2fx.sock", "/config/listeners/unix:%2Frun%2Fx.sock"},
            {"listeners/[::1]:80", "/config/listeners/%5B::1%5D:80"},
            {"a b/100%/%41", "/config/a%20b/100%25/%2541"},
            {"x?y#z", "/config/x%3Fy%23z"},
            {"\xC3\xA9", "/config/%C3%A9"},
        };
        for (const auto &[path, target] : table) {
            CPPUNIT_ASSERT_EQUAL(std::string(target), configTarget(path));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("/listeners/unix:~1run~1x"),
                             pointerOf("listeners/unix:%2Frun%2Fx"));
        CPPUNIT_ASSERT_EQUAL(std::string(), pointerOf("/"));
    }

    void testValues()
    {
        test::TempDir dir;
        test::writeFile(dir / "v", "{} // as it is\n");
        CPPUNIT_ASSERT_EQUAL(std::string("8"), readValue("8", false, "/x").text);
        CPPUNIT_ASSERT_EQUAL(std::string("\"a\\\"b\""), readValue("a\"b", true, "/x").text);
        CPPUNIT_ASSERT_EQUAL(std::string("\"@x\""), readValue("@x", true, "/x").text);
        const Input file = readValue("@" + dir / "v", false, "/x");
        CPPUNIT_ASSERT_EQUAL(std::string("{} // as it is\n"), file.text);
        CPPUNIT_ASSERT_EQUAL(dir / "v", file.name);
        const auto refused = [](const std::string &value) {
            return errorOf([&] { readValue(value, false, "patchbayctl config set /x"); });
        };
        CPPUNIT_ASSERT_EQUAL(dir / "no" + ": No such file or directory", refused("@" + dir / "no"));
        CPPUNIT_ASSERT_EQUAL(
            std::string("VALUE is no JSON: applications/it's\n"
                        "A string needs its quotes: patchbayctl config set /x "
                        "'\"applications/it'\\''s\"'\n"
                        "or: patchbayctl config set /x --string 'applications/it'\\''s'"),
            refused("applications/it's"));
        CPPUNIT_ASSERT_EQUAL(std::string("VALUE is no JSON, at byte 5: A valid JSON value is "),
                             refused("{\"a\":}").substr(0, 51));
        CPPUNIT_ASSERT(refused("").starts_with("VALUE is no JSON, at byte 0: An empty"));
    }

    void testShellWords()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("a/b:8"), shellWord("a/b:8"));
        CPPUNIT_ASSERT_EQUAL(std::string("''"), shellWord(""));
        CPPUNIT_ASSERT_EQUAL(std::string("'it'\\''s'"), shellWord("it's"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CtlOptionsTest);
