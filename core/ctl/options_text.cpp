// What --help prints. Called by patchbayctl.cpp.
#include "ctl/options.hpp"

namespace patchbay::ctl {
namespace {

constexpr std::size_t kColumn = 30; // where descriptions start

std::string line(std::string_view left, std::string_view right)
{
    std::string text = "  " + std::string(left);
    text.resize(std::max(text.size() + 2, kColumn), ' ');
    return text.append(right) + "\n";
}

} // namespace

std::string helpText()
{
    std::string text = "usage: patchbayctl [OPTION]... COMMAND [ARGUMENT]...\n\ncommands:\n";
    for (const Command &command : commands()) {
        std::string left(command.name);
        left += command.arguments.empty() ? "" : " ";
        left += command.arguments;
        text += line(left, command.does);
    }
    text +=
        "\noptions:\n" + line("--control ADDRESS", "unix:PATH or IP:PORT of the control socket") +
        line("", "default: $PATCHBAY_CONTROL, then " + defaultControl()) +
        line("--json", "print the server's own JSON answer") +
        line("--string", "config set, append: VALUE is a string, without quotes") +
        line("--timeout SECONDS", "give up waiting; default: 30 to read, changes have no limit") +
        line("--quiet", "print errors and what was asked for, nothing else") +
        line("-h, --help", "print this text and exit") +
        line("--version", "print the version and exit");
    text += R"(
PATH is a place in the configuration, from its top: /listeners/*:8080/pass
Each part is taken as it is; a slash within a name is written %2F:
  patchbayctl config get /listeners/unix:%2Frun%2Fshop.sock

VALUE is JSON, @FILE the JSON in a file, - the JSON on standard input:
  patchbayctl config set /applications/shop/processes 8
  patchbayctl config set '/listeners/*:8080' '{"pass": "applications/shop"}'
  patchbayctl config set --string '/listeners/*:8080/pass' applications/shop
  patchbayctl config set / @shop.json

FILE is a configuration; without it check and diff ask what a reload would do.

exit codes:
  0  done; of diff: nothing would change
  1  refused: the reason is printed, nothing was changed
  2  the command line is wrong
  3  cannot connect, or no answer
  4  done, but an application or a listener does not run, or not all could be stored or taken
     over; of status: the same is so
  5  of diff: something would change
)";
    return text;
}

} // namespace patchbay::ctl
