// Process "main": main(). Command line, files, modules; then supervisor.cpp takes over.
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/process_title.hpp"
#include "main/daemon.hpp"
#include "main/options.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

namespace {

using namespace patchbay;

// Invoked as unitd, the daemon is a drop-in for it (daemon.md 0).
bool invokedAsUnit(std::string_view program)
{
    return program.substr(program.find_last_of('/') + 1) == "unitd";
}

std::string commandLine(std::span<const char *const> arguments)
{
    std::string line;
    for (const char *argument : arguments) {
        line += (line.empty() ? "" : " ") + std::string(argument);
    }
    return line;
}

// A descriptor 0-2 that is closed would become the number of some socket.
void ensureStandardDescriptors()
{
    int fd = 0;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        close(fd);
    }
}

int run(const main_::Options &options, const std::string &line)
{
    using Action = main_::Options::Action;
    log::setFormat(options.logFormat);
    switch (options.action) {
    case Action::help:
        std::fputs(main_::helpText(product().asUnit).c_str(), stdout);
        return 0;
    case Action::version:
        std::fputs(main_::versionText(product().asUnit).c_str(), stderr);
        return 0;
    case Action::test:
        return main_::runTest(options);
    case Action::listModules:
        return main_::runListModules(options);
    case Action::run:
        break;
    }
    return main_::runDaemon(options, line);
}

} // namespace

int main(int argc, char **argv)
{
    ensureStandardDescriptors();
    initProcessTitle(argc, argv);
    std::span<const char *const> arguments(argv, static_cast<std::size_t>(argc));
    setProduct(!arguments.empty() && invokedAsUnit(arguments[0]));
    try {
        main_::Options options = main_::parseOptions(arguments, product().asUnit);
        for (const std::string &warning : options.warnings) {
            std::fprintf(stderr, "%s\n", warning.c_str());
        }
        return run(options, commandLine(arguments));
    } catch (const main_::OptionError &error) {
        std::fprintf(stderr, "%s\n", error.what());
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s: %s\n", product().program, error.what());
    }
    return 1;
}
