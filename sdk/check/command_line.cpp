// patchbay-module: see command_line.hpp.
#include "command_line.hpp"

#include <vector>

namespace patchbay::check {

namespace {

// One command's arguments, taken from the front.
class Arguments {
public:
    explicit Arguments(std::span<const char *const> list) : list_(list) {}
    bool empty() const noexcept { return list_.empty(); }
    std::string next()
    {
        std::string argument = list_.front();
        list_ = list_.subspan(1);
        return argument;
    }
    std::string valueOf(const std::string &option)
    {
        if (empty()) {
            throw UsageError("the option " + option + " needs a value");
        }
        return next();
    }

private:
    std::span<const char *const> list_;
};

CommandLine parseNew(Arguments arguments)
{
    std::vector<std::string> words;
    while (!arguments.empty()) {
        words.push_back(arguments.next());
        if (words.back().starts_with("-")) {
            throw UsageError("\"new\" knows no option " + words.back());
        }
    }
    if (words.size() < 2 || words.size() > 3) {
        throw UsageError("\"new\" takes a kind, a name and, if it likes, a directory");
    }
    CommandLine line;
    line.command = CommandLine::Command::makeNew;
    line.kind = words[0];
    line.name = words[1];
    line.directory = words.size() == 3 ? words[2] : words[1];
    return line;
}

CommandLine parseCheck(Arguments arguments)
{
    CommandLine line;
    line.command = CommandLine::Command::check;
    while (!arguments.empty()) {
        const std::string word = arguments.next();
        if (word == "--json") {
            line.json = true;
        } else if (word == "--options") {
            line.check.options = arguments.valueOf(word);
        } else if (word == "--encoder") {
            line.check.encoder = arguments.valueOf(word);
        } else if (word == "--address") {
            line.check.address = arguments.valueOf(word);
        } else if (word.starts_with("-")) {
            throw UsageError("\"check\" knows no option " + word);
        } else if (!line.check.file.empty()) {
            throw UsageError("\"check\" takes one file");
        } else {
            line.check.file = word;
        }
    }
    if (line.check.file.empty()) {
        throw UsageError("\"check\" needs the file of a module");
    }
    return line;
}

} // namespace

CommandLine parseCommandLine(std::span<const char *const> list)
{
    Arguments arguments(list);
    if (arguments.empty()) {
        throw UsageError("a command is missing");
    }
    const std::string command = arguments.next();
    if (command == "new") {
        return parseNew(arguments);
    }
    if (command == "check") {
        return parseCheck(arguments);
    }
    CommandLine line;
    if (command == "--version") {
        line.command = CommandLine::Command::version;
    } else if (command != "--help" && command != "-h") {
        throw UsageError("there is no command \"" + command + "\"");
    }
    if (!arguments.empty()) {
        throw UsageError(command + " takes nothing more");
    }
    return line;
}

const char *helpText()
{
    return "Usage: patchbay-module COMMAND\n"
           "\n"
           "  new KIND NAME [DIRECTORY]  write the project of a new module\n"
           "                             KIND: listener, sink, encoder, runtime,\n"
           "                             language (encoder and runtime); DIRECTORY: NAME\n"
           "  check FILE.so [OPTION]...  try every rule of the module ABI on a module\n"
           "      --options JSON         options of its instances, instead of {}\n"
           "      --encoder FILE.so      of a runtime: the encoder that goes with it\n"
           "      --address TEXT         of a listener: an address it takes\n"
           "      --json                 for programs\n"
           "  --help, --version\n"
           "\n"
           "Exit status: 0 all is well, 1 the module breaks a rule, 2 it could not be done.\n";
}

} // namespace patchbay::check
