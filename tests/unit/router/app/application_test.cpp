// What an application costs that nobody calls.
#include "router/rig/application.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>
#include <vector>

using namespace patchbay;
using namespace patchbay::rig;

namespace {

std::size_t residentBytes()
{
    std::size_t all = 0;
    std::size_t resident = 0;
    std::ifstream("/proc/self/statm") >> all >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kMost = 4 * 4096; // with the sanitizer's own memory
#else
constexpr std::size_t kMost = 4096;
#endif

std::size_t descriptors()
{
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

class ApplicationTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ApplicationTest);
    CPPUNIT_TEST(manyAreSmall);
    CPPUNIT_TEST_SUITE_END();

    // A process that has used and freed large blocks gets large blocks from its heap.
    void manyAreSmall()
    {
        void *large = std::malloc(24u << 20);
        CPPUNIT_ASSERT(large != nullptr);
        std::memset(large, 1, 24u << 20);
        std::free(large);

        constexpr std::size_t kMany = 1000; // the kernel counts pages roughly
        std::vector<std::shared_ptr<app::Application>> applications;
        applications.push_back(makeApplication());
        const std::size_t before = residentBytes();
        const std::size_t descriptorsBefore = descriptors();
        while (applications.size() <= kMany) {
            applications.push_back(makeApplication("a" + std::to_string(applications.size())));
        }
        const std::size_t each = (residentBytes() - before) / kMany;
        CPPUNIT_ASSERT_MESSAGE(std::to_string(each), each < kMost);
        CPPUNIT_ASSERT_EQUAL(descriptorsBefore, descriptors());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ApplicationTest);

} // namespace
