// [any] Texts of system errors. Every process.
#include "base/error.hpp"

#include <sys/wait.h>

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

std::string endText(int status)
{
    return WIFSIGNALED(status) ? "exited on signal " + std::to_string(WTERMSIG(status))
                               : "exited with code " + std::to_string(WEXITSTATUS(status));
}

} // namespace patchbay
