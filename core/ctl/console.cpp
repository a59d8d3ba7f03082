// See console.hpp.
#include "ctl/console.hpp"

#include <istream>
#include <ostream>
#include <string>

namespace patchbay::ctl {

void Console::print(std::string_view text)
{
    progressDone();
    out_ << text << std::flush;
}

void Console::say(std::string_view line)
{
    if (!manner_.quiet) {
        print(std::string(line) + "\n");
    }
}

void Console::note(std::string_view line)
{
    progressDone();
    if (!manner_.quiet) {
        err_ << line << '\n' << std::flush;
    }
}

void Console::complain(std::string_view text)
{
    progressDone();
    err_ << "patchbayctl: " << text << '\n' << std::flush;
}

void Console::progress(std::string_view what, std::chrono::seconds elapsed)
{
    if (manner_.progress && !manner_.quiet) {
        err_ << "\rwaiting for " << what << " ... " << elapsed.count() << " s\033[K" << std::flush;
        inProgress_ = true;
    }
}

void Console::progressDone()
{
    if (inProgress_) {
        err_ << "\r\033[K" << std::flush;
        inProgress_ = false;
    }
}

bool Console::confirm(std::string_view question)
{
    progressDone();
    err_ << question << " [Y/n] " << std::flush;
    std::string answer;
    return std::getline(in_, answer) &&
           (answer.empty() || answer == "y" || answer == "Y" || answer == "yes");
}

} // namespace patchbay::ctl
