// patchbayctl: the commands there are. main() parses the command line, then calls one of them.
#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace patchbay::ctl {

struct Options;
class ControlClient;
class Console;

// What a command works with. The command's own arguments are options.arguments.
struct Context {
    const Options &options;
    const ControlClient &client;
    Console &console;
};

// What is wrong with the command line: one or more lines for stderr; exit code kUsage.
class UsageError : public Error {
public:
    using Error::Error;
};

// A command returns the exit code. Throws UsageError; ConnectError when there is no answer; Error
// for files that cannot be read and the like.
using CommandFunction = int (*)(Context &);

struct Command {
    std::string_view name;      // "config get"
    std::string_view arguments; // "[PATH]", for --help
    std::string_view does;      // one line for --help
    std::size_t least, most;    // how many arguments
    CommandFunction run;
};

// All of them, in the order of --help.
std::span<const Command> commands();

int runStatus(Context &context);
int runModules(Context &context);
int runSchema(Context &context);
int runConfigGet(Context &context);
int runConfigSet(Context &context);
int runConfigAppend(Context &context);
int runConfigDelete(Context &context);
int runConfigEdit(Context &context);
int runCheck(Context &context);
int runDiff(Context &context);
int runReload(Context &context);
int runRestart(Context &context);
int runHistory(Context &context);
int runHistoryShow(Context &context);
int runRollback(Context &context);
int runImportUnit(Context &context);

} // namespace patchbay::ctl
