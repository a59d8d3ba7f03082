// Changing a document: what each request of the control API does to it, and what it refuses.
#include "json/edit.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <array>

using namespace patchbay::json;
using namespace std::string_literals;

namespace {

constexpr char kDocument[] =
    R"({"a":{"x":1,"y":[10,20,30]},"b":"text","":{"":0},"l":[{"m":[]},[]],"z":{}})";

Path pathOf(const std::string &text) // "a/y/0"; "-" is the root
{
    Path path;
    if (text == "-") {
        return path;
    }
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('/', begin), text.size());
        path.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return path;
}

std::string result(Edited edited, const Value &root)
{
    switch (edited) {
    case Edited::done:
        return writeCompact(root);
    case Edited::notFound:
        return root.members().size() == 5 ? "not found" : "changed";
    case Edited::notArray:
        break;
    }
    return "not an array";
}

std::string putting(const std::string &path, const std::string &value)
{
    Value root = read(kDocument);
    const Edited edited = put(root, pathOf(path), read(value));
    return result(edited, root);
}

std::string appending(const std::string &path)
{
    Value root = read(kDocument);
    const Edited edited = append(root, pathOf(path), Value::string("new"));
    return result(edited, root);
}

std::string removing(const std::string &path)
{
    Value root = read(kDocument);
    const Edited edited = remove(root, pathOf(path));
    return result(edited, root);
}

std::string merged(const std::string &target, const std::string &patch)
{
    return writeCompact(mergePatch(read(target), read(patch)));
}

} // namespace

class EditTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(EditTest);
    CPPUNIT_TEST(looks);
    CPPUNIT_TEST(putsMembers);
    CPPUNIT_TEST(putsElements);
    CPPUNIT_TEST(appends);
    CPPUNIT_TEST(removes);
    CPPUNIT_TEST(mergesAsTheStandardSays);
    CPPUNIT_TEST(mergeKeepsOrder);
    CPPUNIT_TEST(mergesLargeObjects);
    CPPUNIT_TEST_SUITE_END();

public:
    void looks()
    {
        const Value root = read(kDocument);
        const auto look = [&](const std::string &path) {
            const Value *value = at(root, pathOf(path));
            return value != nullptr ? writeCompact(*value) : "-";
        };
        CPPUNIT_ASSERT_EQUAL(std::string(kDocument), look("-"));
        CPPUNIT_ASSERT_EQUAL("1"s, look("a/x"));
        CPPUNIT_ASSERT_EQUAL("10"s, look("a/y/0"));
        CPPUNIT_ASSERT_EQUAL("30"s, look("a/y/2"));
        CPPUNIT_ASSERT_EQUAL("20"s, look("a/y/01"));
        CPPUNIT_ASSERT_EQUAL("[]"s, look("l/0/m"));
        CPPUNIT_ASSERT_EQUAL("0"s, look("/"));
        for (const char *nothing :
             {"c", "a/y/3", "a/y/-1", "a/y/+1", "a/y/", "a/y/x", "a/y/1x", "a/y/1.0", "b/0", "b/x",
              "a/x/0", "c/d", "a/y/99999999999999999999", "z/"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(nothing, "-"s, look(nothing));
        }
    }

    void putsMembers()
    {
        CPPUNIT_ASSERT_EQUAL("[1]"s, putting("-", "[1]"));
        CPPUNIT_ASSERT_EQUAL(R"({"a":null,"b":"text","":{"":0},"l":[{"m":[]},[]],"z":{}})"s,
                             putting("a", "null"));
        CPPUNIT_ASSERT_EQUAL(
            R"({"a":{"x":{"q":2},"y":[10,20,30]},"b":"text","":{"":0},"l":[{"m":[]},[]],"z":{}})"s,
            putting("a/x", "{\"q\":2}"));
        CPPUNIT_ASSERT_EQUAL(
            R"({"a":{"x":1,"y":[10,20,30]},"b":"text","":{"":0},"l":[{"m":[]},[]],"z":{"n":2}})"s,
            putting("z/n", "2"));
        CPPUNIT_ASSERT_EQUAL(
            R"({"a":{"x":1,"y":[10,20,30]},"b":"text","":{"":0},"l":[{"m":[]},[]],"z":{},"0":2})"s,
            putting("0", "2"));
        for (const char *nothing : {"c/d", "b/x", "b/0", "a/x/y", "z/n/m"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(nothing, "not found"s, putting(nothing, "1"));
        }
    }

    void putsElements()
    {
        const auto list = [](const std::string &y) {
            return R"({"a":{"x":1,"y":)" + y +
                   R"(},"b":"text","":{"":0},"l":[{"m":[]},[]],"z":{}})";
        };
        CPPUNIT_ASSERT_EQUAL(list("[7,20,30]"), putting("a/y/0", "7"));
        CPPUNIT_ASSERT_EQUAL(list("[10,7,30]"), putting("a/y/01", "7"));
        CPPUNIT_ASSERT_EQUAL(list("[10,20,30,7]"), putting("a/y/3", "7"));
        for (const char *nothing : {"a/y/4", "a/y/-1", "a/y/x", "a/y/", "a/y/-", "a/y/1 ",
                                    "a/y/18446744073709551616", "l/1/1"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(nothing, "not found"s, putting(nothing, "7"));
        }
    }

    void appends()
    {
        CPPUNIT_ASSERT_EQUAL(
            R"({"a":{"x":1,"y":[10,20,30,"new"]},"b":"text","":{"":0},"l":[{"m":[]},[]],"z":{}})"s,
            appending("a/y"));
        CPPUNIT_ASSERT_EQUAL(
            R"({"a":{"x":1,"y":[10,20,30]},"b":"text","":{"":0},"l":[{"m":["new"]},[]],"z":{}})"s,
            appending("l/0/m"));
        CPPUNIT_ASSERT_EQUAL("not an array"s, appending("-"));
        CPPUNIT_ASSERT_EQUAL("not an array"s, appending("a"));
        CPPUNIT_ASSERT_EQUAL("not an array"s, appending("b"));
        CPPUNIT_ASSERT_EQUAL("not found"s, appending("c"));
        CPPUNIT_ASSERT_EQUAL("not found"s, appending("a/y/3"));
    }

    void removes()
    {
        CPPUNIT_ASSERT_EQUAL("{}"s, removing("-"));
        CPPUNIT_ASSERT_EQUAL(R"({"a":{"x":1,"y":[10,20,30]},"":{"":0},"l":[{"m":[]},[]],"z":{}})"s,
                             removing("b"));
        CPPUNIT_ASSERT_EQUAL(
            R"({"a":{"x":1,"y":[20,30]},"b":"text","":{"":0},"l":[{"m":[]},[]],"z":{}})"s,
            removing("a/y/0"));
        CPPUNIT_ASSERT_EQUAL(
            R"({"a":{"x":1,"y":[10,20,30]},"b":"text","":{},"l":[{"m":[]},[]],"z":{}})"s,
            removing("/"));
        for (const char *nothing : {"c", "c/d", "a/y/3", "a/y/x", "b/0", "z/n"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(nothing, "not found"s, removing(nothing));
        }
    }

    void mergesAsTheStandardSays()
    {
        const std::vector<std::array<std::string, 3>> table = {{
            {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
            {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
            {R"({"a":"b"})", R"({"a":null})", R"({})"},
            {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
            {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
            {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
            {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
            {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
            {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
            {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
            {R"({"a":"foo"})", R"(null)", R"(null)"},
            {R"({"a":"foo"})", R"("bar")", R"("bar")"},
            {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
            {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
            {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
            {R"({"a":[null]})", R"({"b":[null,{"c":null}]})",
             R"({"a":[null],"b":[null,{"c":null}]})"},
        }};
        for (const auto &[target, patch, expected] : table) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(target + " + " + patch, expected, merged(target, patch));
        }
    }

    void mergeKeepsOrder()
    {
        CPPUNIT_ASSERT_EQUAL(R"({"b":20,"c":{"x":1,"y":2,"z":3},"e":5,"d":4,"f":6})"s,
                             merged(R"({"a":1,"b":2,"c":{"x":1,"y":9},"e":5})",
                                    R"({"d":4,"c":{"y":2,"z":3},"b":20,"a":null,"f":6})"));
    }

    // Takes minutes if a member is looked for among all others.
    void mergesLargeObjects()
    {
        Value target = Value::object();
        Value patch = Value::object();
        for (int i = 0; i < 200'000; ++i) {
            target.add("old" + std::to_string(i), Value::integer(i));
            patch.add((i % 2 == 0 ? "old" : "new") + std::to_string(i),
                      i % 4 == 0 ? Value() : Value::integer(-i));
        }
        const Value result = mergePatch(std::move(target), patch);
        CPPUNIT_ASSERT_EQUAL(std::size_t{250'000}, result.members().size());
        CPPUNIT_ASSERT_EQUAL("old1"s, result.members()[0].name);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-2}, result.members()[1].value.asInteger());
        CPPUNIT_ASSERT_EQUAL("new199999"s, result.members().back().name);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EditTest);
