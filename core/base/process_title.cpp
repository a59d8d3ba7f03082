// [any] Runs first in main(), then after every fork: the new process says what it is.
#include "base/process_title.hpp"

#include "base/build_info.hpp"

#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace patchbay {
namespace {

// The kernel shows what lies between the start of argv[0] and the end of the last environment
// string. Private to each process after fork; written by its main thread only.
char *titleStart = nullptr;
std::size_t titleRoom = 0; // bytes, terminator included

bool runsAsUnit = false; // set before the first fork and thread

const Product &productOf(bool asUnit) noexcept
{
    static const std::string ourSoftware = std::string("Patchbay/") + build::kVersion;
    static const std::string unitSoftware = std::string("Unit/") + build::kUnitVersion;
    static const Product ours{"patchbay", "Patchbay", ourSoftware.c_str(), build::kVersion, false};
    static const Product unit{"unit", "Unit", unitSoftware.c_str(), build::kUnitVersion, true};
    return asUnit ? unit : ours;
}

// Grows [start, end) over strings as long as each begins where the one before ended.
char *endOfStrings(char **strings, char *end)
{
    for (char **s = strings; s != nullptr && *s != nullptr; s++) {
        if (*s == end) {
            end = *s + std::strlen(*s) + 1;
        }
    }
    return end;
}

// Copies that live as long as the process: the environment and argv go on being used. false: no
// memory, nothing may be overwritten.
bool moveAway(char **strings)
{
    for (char **s = strings; s != nullptr && *s != nullptr; s++) {
        char *copy = strdup(*s);
        if (copy == nullptr) {
            return false;
        }
        *s = copy;
    }
    return true;
}

} // namespace

void initProcessTitle(int argc, char **argv)
{
    if (argc < 1 || titleStart != nullptr) {
        return;
    }
    char *end = endOfStrings(environ, endOfStrings(argv, argv[0]));
    titleStart = argv[0];
    std::size_t room = static_cast<std::size_t>(end - argv[0]);
    if (moveAway(environ) && moveAway(argv)) {
        titleRoom = room;
    }
}

void setProcessTitle(std::string_view title) noexcept
{
    if (titleRoom == 0) {
        return;
    }
    std::size_t size = title.size() < titleRoom ? title.size() : titleRoom - 1;
    std::memcpy(titleStart, title.data(), size);
    std::memset(titleStart + size, 0, titleRoom - size);
}

const Product &product() noexcept
{
    return productOf(runsAsUnit);
}

void setProduct(bool asUnit) noexcept
{
    runsAsUnit = asUnit;
}

} // namespace patchbay
