#include "base/error.hpp"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <thread>

namespace patchbay::test {

class ErrorTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ErrorTest);
    CPPUNIT_TEST(systemErrorSaysWhatFailedAndWhy);
    CPPUNIT_TEST(systemErrorTakesErrno);
    CPPUNIT_TEST(namesOfNumbers);
    CPPUNIT_TEST(textsOfNumbers);
    CPPUNIT_TEST_SUITE_END();

public:
    void systemErrorSaysWhatFailedAndWhy()
    {
        SystemError error("bind(\"0.0.0.0:80\")", EADDRINUSE);
        CPPUNIT_ASSERT_EQUAL(
            std::string("bind(\"0.0.0.0:80\") failed (98: Address already in use)"),
            std::string(error.what()));
        CPPUNIT_ASSERT_EQUAL(EADDRINUSE, error.number());
        const Error &asError = error;
        CPPUNIT_ASSERT_EQUAL(std::string(error.what()), std::string(asError.what()));
    }

    void systemErrorTakesErrno()
    {
        errno = ENOENT;
        SystemError error(
            "open(\"a rather long name, so that building the text allocates memory\")");
        CPPUNIT_ASSERT_EQUAL(ENOENT, error.number());
    }

    void namesOfNumbers()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("EADDRINUSE"), errnoName(EADDRINUSE));
        CPPUNIT_ASSERT_EQUAL(std::string("EACCES"), errnoName(EACCES));
        CPPUNIT_ASSERT_EQUAL(std::string("99999"), errnoName(99999));
        CPPUNIT_ASSERT_EQUAL(std::string("-5"), errnoName(-5));
    }

    void textsOfNumbers()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("Permission denied"), errnoText(EACCES));
        CPPUNIT_ASSERT(!errnoText(99999).empty());
        // Each thread gets its own text.
        std::string other;
        std::string mine = errnoText(99998);
        std::thread([&other] { other = errnoText(99997); }).join();
        CPPUNIT_ASSERT(mine.find("99998") != std::string::npos);
        CPPUNIT_ASSERT(other.find("99997") != std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ErrorTest);

} // namespace patchbay::test
