// The command line: what scripts written for Unit rely on, text by text (daemon.md 1).
#include "main/options.hpp"

#include "base/build_info.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <initializer_list>
#include <sstream>

using namespace patchbay;
using namespace patchbay::main_;

class OptionsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(OptionsTest);
    CPPUNIT_TEST(testDefaults);
    CPPUNIT_TEST(testValues);
    CPPUNIT_TEST(testErrors);
    CPPUNIT_TEST(testSynonyms);
    CPPUNIT_TEST(testActions);
    CPPUNIT_TEST(testControlMode);
    CPPUNIT_TEST(testControlAddress);
    CPPUNIT_TEST(testHelpLayout);
    CPPUNIT_TEST(testHelpDefaults);
    CPPUNIT_TEST(testVersion);
    CPPUNIT_TEST_SUITE_END();

    using Action = Options::Action;

    static Options parse(std::initializer_list<const char *> arguments, bool asUnit = false)
    {
        std::vector<const char *> all{"/usr/sbin/patchbayd"};
        all.insert(all.end(), arguments);
        return parseOptions(all, asUnit);
    }

    static std::string errorOf(std::initializer_list<const char *> arguments)
    {
        try {
            parse(arguments);
        } catch (const OptionError &error) {
            return error.what();
        }
        return {};
    }

public:
    void testDefaults()
    {
        Options ours = parse({});
        CPPUNIT_ASSERT(ours.action == Action::run && ours.daemon && ours.config.empty());
        CPPUNIT_ASSERT_EQUAL("unix:" + std::string(build::kRunDir) + "/control.sock", ours.control);
        CPPUNIT_ASSERT_EQUAL(std::string(build::kUser), ours.user);
        CPPUNIT_ASSERT(!ours.userGiven && !ours.groupGiven && !ours.modulesDirGiven);
        CPPUNIT_ASSERT_EQUAL(mode_t{0600}, ours.controlMode);
        Options unit = parse({}, true);
        CPPUNIT_ASSERT_EQUAL(std::string(build::kUnitControl), unit.control);
        CPPUNIT_ASSERT_EQUAL(std::string(build::kUnitPidFile), unit.pidFile);
        CPPUNIT_ASSERT_EQUAL(std::string(build::kUnitLogFile), unit.logFile);
        CPPUNIT_ASSERT_EQUAL(std::string(build::kUnitStateDir), unit.stateDir);
        CPPUNIT_ASSERT_EQUAL(std::string(build::kUnitUser), unit.user);
    }

    void testValues()
    {
        Options o = parse({"--no-daemon",
                           "--control",
                           "127.0.0.1:80",
                           "--control-mode",
                           "660",
                           "--control-user",
                           "cu",
                           "--control-group",
                           "cg",
                           "--pid",
                           "/p",
                           "--log",
                           "/l",
                           "--modulesdir",
                           "/m",
                           "--statedir",
                           "/s",
                           "--tmpdir",
                           "/t",
                           "--user",
                           "u",
                           "--group",
                           "g",
                           "--config",
                           "/c",
                           "--log-level",
                           "debug",
                           "--log-format",
                           "json",
                           "--pid",
                           "--no-daemon"}); // the last one wins; a value may look like an option
        CPPUNIT_ASSERT(!o.daemon);
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1:80"), o.control);
        CPPUNIT_ASSERT_EQUAL(mode_t{0660}, o.controlMode);
        CPPUNIT_ASSERT_EQUAL(std::string("cu"), o.controlUser);
        CPPUNIT_ASSERT_EQUAL(std::string("cg"), o.controlGroup);
        CPPUNIT_ASSERT_EQUAL(std::string("--no-daemon"), o.pidFile);
        CPPUNIT_ASSERT_EQUAL(std::string("/l"), o.logFile);
        CPPUNIT_ASSERT_EQUAL(std::string("/m"), o.modulesDir);
        CPPUNIT_ASSERT_EQUAL(std::string("/s"), o.stateDir);
        CPPUNIT_ASSERT_EQUAL(std::string("/t"), o.tmpDir);
        CPPUNIT_ASSERT_EQUAL(std::string("/c"), o.config);
        CPPUNIT_ASSERT(o.userGiven && o.groupGiven && o.modulesDirGiven);
        CPPUNIT_ASSERT(o.logLevel == log::Level::debug);
        CPPUNIT_ASSERT(o.logFormat == log::Format::json);
    }

    void testErrors()
    {
        struct Case {
            const char *option, *wants;
        };
        for (const Case &c :
             {Case{"--control", "socket address"}, Case{"--control-mode", "a mode"},
              Case{"--control-user", "a username"}, Case{"--control-group", "a group name"},
              Case{"--user", "username"}, Case{"--group", "group name"}, Case{"--pid", "filename"},
              Case{"--log", "filename"}, Case{"--modulesdir", "directory"},
              Case{"--statedir", "directory"}, Case{"--tmpdir", "directory"},
              Case{"--modules", "directory"}, Case{"--state", "directory"},
              Case{"--tmp", "directory"}, Case{"--config", "filename"}}) {
            std::string expected = "option \"" + std::string(c.option) + "\" requires " + c.wants;
            CPPUNIT_ASSERT_EQUAL(expected, errorOf({c.option}));
            CPPUNIT_ASSERT_EQUAL(expected, errorOf({"--no-daemon", c.option, ""}));
        }
        for (const char *unknown : {"--x", "--control=unix:/a", "-x", "word", "", "--Control"}) {
            CPPUNIT_ASSERT_EQUAL("unknown option \"" + std::string(unknown) +
                                     "\", try \"/usr/sbin/patchbayd -h\" for available options",
                                 errorOf({unknown}));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("option \"--log-level\" requires alert, error, warn, "
                                         "notice, info or debug, not \"loud\""),
                             errorOf({"--log-level", "loud"}));
        CPPUNIT_ASSERT_EQUAL(
            std::string("option \"--log-format\" requires text or json, not \"xml\""),
            errorOf({"--log-format", "xml"}));
    }

    void testSynonyms()
    {
        Options o = parse({"--modules", "/m", "--state", "/s", "--tmp", "/t"});
        CPPUNIT_ASSERT_EQUAL(std::string("/m"), o.modulesDir);
        CPPUNIT_ASSERT_EQUAL(std::string("/s"), o.stateDir);
        CPPUNIT_ASSERT_EQUAL(std::string("/t"), o.tmpDir);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, o.warnings.size());
        CPPUNIT_ASSERT_EQUAL(
            std::string("option \"--modules\" is deprecated; use \"--modulesdir\" instead"),
            o.warnings[0]);
    }

    void testActions()
    {
        CPPUNIT_ASSERT(parse({"-h"}).action == Action::help);
        CPPUNIT_ASSERT(parse({"--pid", "/p", "--help", "--unknown"}).action == Action::help);
        CPPUNIT_ASSERT(parse({"--version"}).action == Action::version);
        CPPUNIT_ASSERT(parse({"--list-modules", "--json"}).json);
        CPPUNIT_ASSERT(parse({"--config", "/c", "-t"}).action == Action::test);
        CPPUNIT_ASSERT(parse({"--test", "--config", "/c"}).action == Action::test);
        CPPUNIT_ASSERT_EQUAL(
            std::string("option \"--test\" needs \"--config FILE\": what is to be tested"),
            errorOf({"-t"}));
        CPPUNIT_ASSERT_EQUAL(std::string("option \"--json\" goes with \"--list-modules\" only"),
                             errorOf({"--json"}));
    }

    void testControlMode()
    {
        CPPUNIT_ASSERT_EQUAL(mode_t{0}, parse({"--control-mode", "0"}).controlMode);
        CPPUNIT_ASSERT_EQUAL(mode_t{0777}, parse({"--control-mode", "0777"}).controlMode);
        for (const char *mode : {"8", "rw", "1000", "00777", "-1", "7 "}) {
            CPPUNIT_ASSERT_EQUAL(
                "option \"--control-mode\" requires an octal mode up to 777, not \"" +
                    std::string(mode) + "\"",
                errorOf({"--control-mode", mode}));
        }
    }

    // As tools do it: the line of an option, the default on the one after it.
    static std::string defaultIn(const std::string &help, const std::string &option)
    {
        std::istringstream lines(help);
        std::string line;
        while (std::getline(lines, line)) {
            if (line.rfind("  " + option + " ", 0) == 0) {
                std::getline(lines, line);
                std::string prefix = std::string(23, ' ') + "default: \"";
                if (line.rfind(prefix, 0) == 0 && line.back() == '"') {
                    return line.substr(prefix.size(), line.size() - prefix.size() - 1);
                }
            }
        }
        return {};
    }

    void testControlAddress()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("unix:@x"), parse({"--control", "unix:@x"}).control);
        CPPUNIT_ASSERT_EQUAL(std::string("option \"--control\" cannot be used: \"localhost:80\" is "
                                         "neither \"unix:PATH\" nor \"IP:PORT\""),
                             errorOf({"--control", "localhost:80"}));
        CPPUNIT_ASSERT_EQUAL(std::string("option \"--control\" cannot be used: \"*:0\" has no port "
                                         "between 1 and 65535"),
                             errorOf({"-t", "--config", "/c", "--control", "*:0"}));
        // The last one wins.
        CPPUNIT_ASSERT_EQUAL(std::string(),
                             errorOf({"--control", "nonsense", "--control", "*:80"}));
    }

    void testHelpLayout()
    {
        std::string help = helpText(true);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0},
                             help.find("\nunit options:\n\n  --version            p"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, helpText(false).find("\npatchbay options:\n\n  --"));
        std::size_t at = 0;
        for (const char *option :
             {"--version", "--no-daemon", "--control ADDRESS", "--control-mode MODE",
              "--control-user USER", "--control-group GROUP", "--pid FILE", "--log FILE",
              "--modulesdir DIR", "--statedir DIR", "--tmpdir DIR", "--modules DIR", "--state DIR",
              "--tmp DIR", "--user USER", "--group GROUP"}) {
            std::size_t next = help.find("\n\n  " + std::string(option) + "  ", at);
            CPPUNIT_ASSERT_MESSAGE(option, next != std::string::npos);
            at = next + 1;
        }
    }

    void testHelpDefaults()
    {
        for (bool asUnit : {false, true}) {
            Options d = defaultOptions(asUnit);
            std::string help = helpText(asUnit);
            CPPUNIT_ASSERT_EQUAL(d.control, defaultIn(help, "--control ADDRESS"));
            CPPUNIT_ASSERT_EQUAL(d.pidFile, defaultIn(help, "--pid FILE"));
            CPPUNIT_ASSERT_EQUAL(d.logFile, defaultIn(help, "--log FILE"));
            CPPUNIT_ASSERT_EQUAL(d.modulesDir, defaultIn(help, "--modulesdir DIR"));
            CPPUNIT_ASSERT_EQUAL(d.stateDir, defaultIn(help, "--statedir DIR"));
            CPPUNIT_ASSERT_EQUAL(d.tmpDir, defaultIn(help, "--tmpdir DIR"));
            CPPUNIT_ASSERT_EQUAL(d.user, defaultIn(help, "--user USER"));
            CPPUNIT_ASSERT_EQUAL(d.group, defaultIn(help, "--group GROUP"));
        }
    }

    void testVersion()
    {
        CPPUNIT_ASSERT_EQUAL(
            std::size_t{0},
            versionText(true).find("unit version: 1.35.0\nconfigured as ./configure "));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, versionText(false).find("patchbay version: " +
                                                                     std::string(build::kVersion) +
                                                                     "\nconfigured as "));
        std::string text = versionText(false);
        CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{2}, std::count(text.begin(), text.end(), '\n'));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OptionsTest);
