// Program "patchbay-module": main(). A tool for authors of modules; no part of a running server.
#include "checker.hpp"
#include "command_line.hpp"
#include "new_project.hpp"
#include "program.hpp"

#include "base/build_info.hpp"

#include <csignal>
#include <exception>
#include <iostream>

namespace {

using namespace patchbay;
using check::CommandLine;

constexpr int kKept = 0;
constexpr int kBroken = 1;
constexpr int kTrouble = 2;

void makeNew(const CommandLine &line)
{
    for (const std::string &file : check::newProject(line.kind, line.name, line.directory)) {
        std::cout << file << '\n';
    }
    std::cout << "\nNext:\n  cd " << line.directory
              << "\n  cmake -B build\n  cmake --build build\n  ctest --test-dir build\n";
}

int checkOne(const CommandLine &line)
{
    const check::Verdict verdict = check::checkModule(line.check);
    std::cout << (line.json ? check::formatJson(verdict) : check::formatTable(verdict));
    return verdict.count(check::State::broken) == 0 ? kKept : kBroken;
}

int run(const CommandLine &line)
{
    switch (line.command) {
    case CommandLine::Command::makeNew:
        makeNew(line);
        return kKept;
    case CommandLine::Command::check:
        return checkOne(line);
    case CommandLine::Command::version:
        std::cout << "patchbay-module " << build::kVersion << '\n';
        return kKept;
    case CommandLine::Command::help:
        break;
    }
    std::cout << check::helpText();
    return kKept;
}

} // namespace

int main(int argc, char **argv)
{
    if (const auto code = check::runAsProgram()) {
        return *code;
    }
    std::signal(SIGPIPE, SIG_IGN);
    const std::span<const char *const> arguments(argv, static_cast<std::size_t>(argc));
    int code = kTrouble;
    try {
        code = run(check::parseCommandLine(arguments.subspan(arguments.empty() ? 0 : 1)));
    } catch (const check::UsageError &error) {
        std::cerr << "patchbay-module: " << error.what()
                  << "\n\"patchbay-module --help\" tells more.\n";
    } catch (const std::exception &error) {
        std::cerr << "patchbay-module: " << error.what() << '\n';
    }
    if (!std::cout.flush()) {
        std::cerr << "patchbay-module: cannot write to standard output\n";
        return kTrouble;
    }
    return code;
}
