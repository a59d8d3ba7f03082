// [any] Texts of system errors. Every process.
#include "base/error.hpp"

#include <cstring>

namespace patchbay {

SystemError::SystemError(const std::string &context, int number)
    : Error(context + " failed (" + std::to_string(number) + ": " + errnoText(number) + ")"),
      number_(number)
{
}

std::string errnoName(int number)
{
    const char *name = strerrorname_np(number);
    return name != nullptr ? name : std::to_string(number);
}

std::string errnoText(int number)
{
    char buffer[128];
    return strerror_r(number, buffer, sizeof buffer); // the GNU form: returns the text
}

} // namespace patchbay
