// References to the environment and to files: what is put in, what is left alone, what is refused.
#include "base/error.hpp"
#include "json/reader.hpp"
#include "json/references.hpp"
#include "json/writer.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <map>

using namespace patchbay;
using namespace patchbay::json;
using namespace std::string_literals;

namespace {

References referencesOfTest()
{
    static const std::map<std::string, std::string> variables = {{"HOME", "/home/x"},
                                                                 {"EMPTY", ""},
                                                                 {"_a1", "under"},
                                                                 {"NESTED", "${env:HOME}$${"},
                                                                 {"LATIN", "\xE9"}};
    static const std::map<std::string, std::string> files = {
        {"/run/key", "secret\n"},   {"/run/crlf", "secret\r\n"},
        {"/run/two", "a\n\n"},      {"/run/none", ""},
        {"/run/nul", "hidden\0x"s}, {"/run/latin", "hidden\xE9"},
        {"/run/a b:c", "odd"},      {"/run/large", std::string(std::size_t{20} << 20, 'x')}};
    References references;
    references.environment = [](const std::string &name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    references.file = [](const std::string &path) {
        const auto found = files.find(path);
        if (found == files.end()) {
            throw Error("The file \"" + path + "\" cannot be read: No such file or directory.");
        }
        return found->second;
    };
    return references;
}

// The expanded text, or the details of the problems.
std::string expanded(const std::string &text)
{
    Value root = Value::string(text);
    const std::vector<Problem> problems = expand(root, referencesOfTest());
    std::string details;
    for (const Problem &problem : problems) {
        details += "! " + problem.detail;
    }
    return problems.empty() ? root.text() : details;
}

const std::string kEnvironmentForm =
    "! A reference to an environment variable must read \"${env:NAME}\" or "
    "\"${env:NAME:-default}\"; the name has letters, digits and underscores and does not begin "
    "with a digit.";
const std::string kFileForm =
    "! A reference to a file must read \"${file:/path}\", with an absolute path.";

} // namespace

class ReferencesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReferencesTest);
    CPPUNIT_TEST(expandsVariables);
    CPPUNIT_TEST(expandsFiles);
    CPPUNIT_TEST(leavesAlone);
    CPPUNIT_TEST(refuses);
    CPPUNIT_TEST(refusesContents);
    CPPUNIT_TEST(findsThemEverywhere);
    CPPUNIT_TEST(reportsPlaces);
    CPPUNIT_TEST(listsFiles);
    CPPUNIT_TEST(isBounded);
    CPPUNIT_TEST_SUITE_END();

public:
    void expandsVariables()
    {
        CPPUNIT_ASSERT_EQUAL("/home/x"s, expanded("${env:HOME}"));
        CPPUNIT_ASSERT_EQUAL("a/home/x:under-"s, expanded("a${env:HOME}:${env:_a1}-"));
        CPPUNIT_ASSERT_EQUAL(""s, expanded("${env:EMPTY}"));
        CPPUNIT_ASSERT_EQUAL("/home/x"s, expanded("${env:HOME:-/root}"));
        CPPUNIT_ASSERT_EQUAL("/root"s, expanded("${env:UNSET:-/root}"));
        CPPUNIT_ASSERT_EQUAL("/root"s, expanded("${env:EMPTY:-/root}"));
        CPPUNIT_ASSERT_EQUAL(""s, expanded("${env:UNSET:-}"));
        CPPUNIT_ASSERT_EQUAL(":-${}"s, expanded("${env:UNSET:-:-${}}"));
        // What is put in is not looked at again.
        CPPUNIT_ASSERT_EQUAL("${env:HOME}$${"s, expanded("${env:NESTED}"));
    }

    void expandsFiles()
    {
        CPPUNIT_ASSERT_EQUAL("<secret>"s, expanded("<${file:/run/key}>"));
        CPPUNIT_ASSERT_EQUAL("secret"s, expanded("${file:/run/crlf}"));
        CPPUNIT_ASSERT_EQUAL("a\n"s, expanded("${file:/run/two}"));
        CPPUNIT_ASSERT_EQUAL(""s, expanded("${file:/run/none}"));
        CPPUNIT_ASSERT_EQUAL("odd"s, expanded("${file:/run/a b:c}"));
    }

    void leavesAlone()
    {
        for (const char *text :
             {"", "$", "${", "$$", "$host", "${host}", "${nope:x}", "${ENV:HOME}", "${env}",
              "${file}", "${ env:HOME}", "{env:HOME}", "a$b}"}) {
            CPPUNIT_ASSERT_EQUAL(std::string(text), expanded(text));
        }
        CPPUNIT_ASSERT_EQUAL("${env:HOME}"s, expanded("$${env:HOME}"));
        CPPUNIT_ASSERT_EQUAL("${host}"s, expanded("$${host}"));
        CPPUNIT_ASSERT_EQUAL("$${file:x"s, expanded("$$${file:x"));
        CPPUNIT_ASSERT_EQUAL("${/home/x"s, expanded("$${${env:HOME}"));
    }

    void refuses()
    {
        for (const char *text :
             {"${env:}", "${env:1A}", "${env:A-B}", "${env:A:B}", "${env:A:}", "${env: A}",
              "${env:A", "${env:A:-x", "${env:HÖME}", "${env::-x}", "${env:${env:HOME}}"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, kEnvironmentForm, expanded(text));
        }
        for (const auto &text :
             {"${file:}"s, "${file:etc/x}"s, "${file:/etc/x"s, "${file:/a\0b}"s, "${file: /a}"s}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, kFileForm, expanded(text));
        }
        CPPUNIT_ASSERT_EQUAL("! The environment variable \"UNSET\" is not set and has no default."s,
                             expanded("${env:HOME}${env:UNSET}"));
        CPPUNIT_ASSERT_EQUAL("! The file \"/run/no\" cannot be read: No such file or directory."s,
                             expanded("${file:/run/no}"));
    }

    void refusesContents()
    {
        CPPUNIT_ASSERT_EQUAL("! The file \"/run/nul\" must not contain null character."s,
                             expanded("${file:/run/nul}"));
        CPPUNIT_ASSERT_EQUAL("! The file \"/run/latin\" is not valid UTF-8."s,
                             expanded("${file:/run/latin}"));
        CPPUNIT_ASSERT_EQUAL("! The environment variable \"LATIN\" is not valid UTF-8."s,
                             expanded("${env:LATIN}"));
    }

    void findsThemEverywhere()
    {
        Value root = read(R"({"${env:HOME}":["${env:HOME}",{"x":"${env:_a1}"}],"n":1,"b":true})");
        CPPUNIT_ASSERT(expand(root, referencesOfTest()).empty());
        CPPUNIT_ASSERT_EQUAL(R"({"${env:HOME}":["/home/x",{"x":"under"}],"n":1,"b":true})"s,
                             writeCompact(root));
        CPPUNIT_ASSERT_EQUAL(std::size_t{16}, root.members()[0].value.items()[0].offset());
    }

    void reportsPlaces()
    {
        Value root = read(R"({"a/b":["${env:UNSET}","x"],"c":"${file:x}"})", {}, 100);
        const std::vector<Problem> problems = expand(root, referencesOfTest());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, problems.size());
        CPPUNIT_ASSERT_EQUAL("/a~1b/0"s, problems[0].pointer);
        CPPUNIT_ASSERT_EQUAL(std::size_t{108}, problems[0].offset);
        CPPUNIT_ASSERT_EQUAL("/c"s, problems[1].pointer);
        CPPUNIT_ASSERT_EQUAL(std::size_t{132}, problems[1].offset);

        std::string many = "[";
        for (int i = 0; i < 100; ++i) {
            many += "\"${env:UNSET}\",";
        }
        root = read(many + "]");
        CPPUNIT_ASSERT_EQUAL(kMaxProblems, expand(root, referencesOfTest()).size());
    }

    void listsFiles()
    {
        const Value root = read(R"({"${file:/name}":"${file:/b}${file:/a}","l":["x${file:/b}",
            "$${file:/c}","${file:d}","${file:/e","${env:F:-${file:/f}}"]})");
        CPPUNIT_ASSERT(fileReferences(root) == (std::set<std::string>{"/a", "/b"}));
        CPPUNIT_ASSERT(fileReferences(Value()).empty());
    }

    void isBounded()
    {
        CPPUNIT_ASSERT_EQUAL(std::size_t{20} << 20, expanded("${file:/run/large}").size());
        CPPUNIT_ASSERT_EQUAL(
            "! The references of the configuration add up to more than 33554432 bytes."s,
            expanded("${file:/run/large}${file:/run/large}"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReferencesTest);
