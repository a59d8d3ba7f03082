// Process "patchbayctl": main(). Command line, then one command, which talks to the control socket
// of a running patchbayd.
#include "base/build_info.hpp"
#include "ctl/console.hpp"
#include "ctl/control_client.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/options.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>

namespace {

using namespace patchbay;

int runCommand(const ctl::Options &options, ctl::Console::Manner manner)
{
    manner.quiet = options.quiet;
    ctl::Console console(std::cin, std::cout, std::cerr, manner);
    const ctl::ControlClient client(options.control);
    ctl::Context context{options, client, console};
    return options.command->run(context);
}

int run(std::span<const char *const> arguments, ctl::Console::Manner manner)
{
    const ctl::Options options = ctl::parseOptions(arguments, std::getenv("PATCHBAY_CONTROL"));
    switch (options.action) {
    case ctl::Options::Action::help:
        std::cout << ctl::helpText();
        return ctl::kDone;
    case ctl::Options::Action::version:
        std::cout << "patchbayctl " << build::kVersion << '\n';
        return ctl::kDone;
    case ctl::Options::Action::run:
        break;
    }
    return runCommand(options, manner);
}

int complain(const std::string &text, int code)
{
    std::cerr << "patchbayctl: " << text << '\n';
    return code;
}

int runAndComplain(std::span<const char *const> arguments, ctl::Console::Manner manner)
{
    try {
        return run(arguments, manner);
    } catch (const ctl::UsageError &error) {
        return complain(std::string(error.what()) + "\n\"patchbayctl --help\" tells more.",
                        ctl::kUsage);
    } catch (const ctl::ConnectError &error) {
        return complain(error.what(), ctl::kNoAnswer);
    } catch (const std::exception &error) {
        return complain(error.what(), ctl::kRefused);
    }
}

} // namespace

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); // a server that goes away is an error message
    std::span<const char *const> arguments(argv, static_cast<std::size_t>(argc));
    ctl::Console::Manner manner;
    manner.progress = isatty(STDERR_FILENO) == 1;
    manner.interactive = isatty(STDIN_FILENO) == 1 && manner.progress;
    const int code = runAndComplain(arguments.subspan(arguments.empty() ? 0 : 1), manner);
    if (!std::cout.flush()) {
        if (errno != EPIPE) { // the reader has seen enough
            std::cerr << "patchbayctl: cannot write to standard output\n";
        }
        return code == ctl::kDone ? ctl::kRefused : code;
    }
    return code;
}
