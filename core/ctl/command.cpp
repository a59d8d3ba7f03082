// The table of commands. Read by options.cpp (which one is meant) and options_text.cpp (--help).
#include "ctl/command.hpp"

namespace patchbay::ctl {

std::span<const Command> commands()
{
    static constexpr Command kCommands[] = {
        {"status", "", "what runs and what does not", 0, 0, runStatus},
        {"config get", "[PATH]", "show the configuration, or a part of it", 0, 1, runConfigGet},
        {"config set", "PATH VALUE", "set or replace one value", 2, 2, runConfigSet},
        {"config append", "PATH VALUE", "add a value to an array", 2, 2, runConfigAppend},
        {"config delete", "PATH", "remove one value", 1, 1, runConfigDelete},
        {"config edit", "[PATH]", "change it in $EDITOR", 0, 1, runConfigEdit},
        {"check", "[FILE]", "is it valid? Changes nothing", 0, 1, runCheck},
        {"diff", "[FILE]", "what would change? Changes nothing", 0, 1, runDiff},
        {"reload", "", "read the configuration file and see the modules again", 0, 0, runReload},
        {"history", "", "list the versions that are kept", 0, 0, runHistory},
        {"history show", "ID", "show one of them", 1, 1, runHistoryShow},
        {"rollback", "[ID]", "go back to it; without ID: to the one before", 0, 1, runRollback},
        {"restart", "NAME", "restart an application", 1, 1, runRestart},
        {"modules", "", "languages and versions that are loaded", 0, 0, runModules},
        {"schema", "", "JSON Schema of the configuration", 0, 0, runSchema},
        {"import-unit", "STATEDIR", "take over NGINX Unit's state directory", 1, 1, runImportUnit},
    };
    return kCommands;
}

} // namespace patchbay::ctl
