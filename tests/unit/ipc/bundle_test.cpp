// Several texts in one memfd: whole, in order, and nothing else is taken for one.
#include "ipc/bundle.hpp"

#include "base/error.hpp"
#include "ipc/channel.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

using namespace patchbay;
using namespace patchbay::ipc;

namespace {

UniqueFd text(std::string_view content)
{
    return makeTextMemfd(content, "test");
}

int errorNumberOf(auto call)
{
    try {
        call();
    } catch (const SystemError &error) {
        return error.number();
    }
    return 0;
}

} // namespace

class BundleTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BundleTest);
    CPPUNIT_TEST(testRoundTrip);
    CPPUNIT_TEST(testEmpty);
    CPPUNIT_TEST(testFileAfterFailure);
    CPPUNIT_TEST(testLimits);
    CPPUNIT_TEST(testDamaged);
    CPPUNIT_TEST(testCopy);
    CPPUNIT_TEST(testSealedTextSize);
    CPPUNIT_TEST_SUITE_END();

public:
    void testRoundTrip()
    {
        std::string large(3'000'001, 'x');
        std::string binary("a\0\n\xff", 4);
        UniqueFd file = text(large);
        CPPUNIT_ASSERT_EQUAL(off_t{17}, lseek(file.get(), 17, SEEK_SET)); // must not matter
        BundleWriter writer("test");
        writer.add("/etc/a.json", "{}");
        writer.addFile("/etc/conf.d/b.json", file.get(), large.size());
        writer.add("", binary);
        writer.addFile("empty", text("").get(), 0);
        CPPUNIT_ASSERT_EQUAL(large.size() + 6, writer.textSize());
        UniqueFd bundle = writer.finish();
        CPPUNIT_ASSERT(write(bundle.get(), "x", 1) < 0); // sealed
        for (int i = 0; i < 2; i++) {                    // reading moves nothing
            std::vector<NamedText> texts = readBundle(bundle.get(), kMaxConfigText);
            CPPUNIT_ASSERT_EQUAL(std::size_t{4}, texts.size());
            CPPUNIT_ASSERT_EQUAL(std::string("/etc/a.json"), texts[0].name);
            CPPUNIT_ASSERT_EQUAL(std::string("{}"), texts[0].text);
            CPPUNIT_ASSERT_EQUAL(std::string("/etc/conf.d/b.json"), texts[1].name);
            CPPUNIT_ASSERT(texts[1].text == large);
            CPPUNIT_ASSERT(texts[2].name.empty() && texts[2].text == binary);
            CPPUNIT_ASSERT(texts[3].name == "empty" && texts[3].text.empty());
        }
    }

    void testEmpty() { CPPUNIT_ASSERT(readBundle(BundleWriter("test").finish().get(), 0).empty()); }

    void testFileAfterFailure()
    {
        BundleWriter writer("test");
        writer.add("a", "1");
        std::string large(100'000, 'x');
        CPPUNIT_ASSERT_EQUAL(EFBIG, errorNumberOf([&] {
                                 writer.addFile("b", text(large).get(), large.size() - 1);
                             }));
        UniqueFd directory(open("/", O_RDONLY | O_CLOEXEC));
        CPPUNIT_ASSERT(errorNumberOf([&] { writer.addFile("c", directory.get(), 10); }) != 0);
        writer.add("d", "2");
        std::vector<NamedText> texts = readBundle(writer.finish().get(), 2);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, texts.size());
        CPPUNIT_ASSERT(texts[0].name == "a" && texts[0].text == "1");
        CPPUNIT_ASSERT(texts[1].name == "d" && texts[1].text == "2");
    }

    void testLimits()
    {
        BundleWriter writer("test");
        writer.add("a", "12");
        writer.add("b", "34");
        UniqueFd bundle = writer.finish();
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, readBundle(bundle.get(), 4).size());
        CPPUNIT_ASSERT_THROW(readBundle(bundle.get(), 3), Error);
    }

    void testDamaged()
    {
        BundleWriter writer("test");
        writer.add("name", "text");
        std::string whole = readTextFd(writer.finish().get(), 1000);
        for (std::size_t size = 1; size < whole.size(); size++) {
            UniqueFd part = text(whole.substr(0, size));
            CPPUNIT_ASSERT_THROW(readBundle(part.get(), kMaxConfigText), Error);
        }
        // Sizes that nobody has memory for.
        CPPUNIT_ASSERT_THROW(readBundle(text(std::string(40, '\xff')).get(), SIZE_MAX), Error);
        WireWriter huge;
        huge.str("name").u64(UINT64_MAX);
        CPPUNIT_ASSERT_THROW(readBundle(text(huge.bytes()).get(), SIZE_MAX), Error);
        UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
        CPPUNIT_ASSERT_THROW(readBundle(null.get(), kMaxConfigText), Error);
    }

    void testCopy()
    {
        UniqueFd source = text("0123456789");
        CPPUNIT_ASSERT_EQUAL(std::string("0123456789"),
                             readTextFd(copyToMemfd(source.get(), "copy", 10).get(), 100));
        CPPUNIT_ASSERT_EQUAL(EFBIG, errorNumberOf([&] { copyToMemfd(source.get(), "copy", 9); }));
    }

    void testSealedTextSize()
    {
        UniqueFd sealed = text("12345");
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, sealedTextSize(sealed.get(), 5));
        CPPUNIT_ASSERT_THROW(sealedTextSize(sealed.get(), 4), Error);
        UniqueFd open(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        CPPUNIT_ASSERT_THROW(sealedTextSize(open.get(), 5), Error);
        int ends[2];
        CPPUNIT_ASSERT_EQUAL(0, pipe2(ends, O_CLOEXEC));
        UniqueFd reader(ends[0]);
        UniqueFd writer(ends[1]);
        CPPUNIT_ASSERT_THROW(sealedTextSize(reader.get(), 5), Error);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BundleTest);
