// What --help and --version print. Called by patchbayd.cpp.
#include "main/options.hpp"

#include "base/build_info.hpp"
#include "base/process_title.hpp"

namespace patchbay::main_ {
namespace {

constexpr std::size_t kColumn = 23; // where descriptions start

class Help {
public:
    explicit Help(const std::string &program) : text_("\n" + program + " options:\n") {}

    Help &option(const std::string &option, const std::string &description)
    {
        std::string line = "  " + option;
        line.resize(std::max(line.size() + 2, kColumn), ' ');
        text_ += "\n" + line + description + "\n";
        return *this;
    }
    Help &also(const std::string &line) // one more line of the last option
    {
        text_ += std::string(kColumn, ' ') + line + "\n";
        return *this;
    }
    Help &fallback(const std::string &value) { return also("default: \"" + value + "\""); }
    const std::string &text() const { return text_; }

private:
    std::string text_;
};

void addOurs(Help &help)
{
    help.option("-t, --test", "check the configuration of --config, start nothing")
        .option("--config FILE", "read the configuration from FILE at start and on SIGHUP")
        .option("--list-modules", "show the modules there are and exit")
        .option("--json", "with --list-modules: as JSON")
        .option("--log-level LEVEL", "alert, error, warn, notice, info or debug")
        .fallback("info")
        .option("--log-format FORMAT", "text, or json: one object per line")
        .fallback("text")
        .option("-h, --help", "print this text and exit");
}

} // namespace

std::string helpText(bool asUnit)
{
    Options defaults = defaultOptions(asUnit);
    Help help(asUnit ? "unit" : "patchbay");
    help.option("--version", "print version and configure options, then exit")
        .option("--no-daemon", "run in the foreground")
        .option("--control ADDRESS", "set address of the control API socket")
        .fallback(defaults.control)
        .option("--control-mode MODE", "set mode of the control API socket")
        .fallback("0600")
        .option("--control-user USER", "set owner of the control API socket")
        .option("--control-group GROUP", "set group of the control API socket")
        .option("--pid FILE", "set pid filename")
        .fallback(defaults.pidFile)
        .option("--log FILE", "set log filename")
        .fallback(defaults.logFile)
        .option("--modulesdir DIR", "set directory of the modules")
        .fallback(defaults.modulesDir)
        .option("--statedir DIR", "set directory of the state")
        .fallback(defaults.stateDir)
        .option("--tmpdir DIR", "set directory of temporary files")
        .fallback(defaults.tmpDir)
        .option("--modules DIR", "[deprecated] use --modulesdir instead")
        .option("--state DIR", "[deprecated] use --statedir instead")
        .option("--tmp DIR", "[deprecated] use --tmpdir instead")
        .option("--user USER", "set user of all processes but the main one")
        .fallback(defaults.user)
        .option("--group GROUP", "set group of all processes but the main one")
        .fallback(defaults.group);
    addOurs(help);
    return help.text() + "\n";
}

std::string versionText(bool asUnit)
{
    Options d = defaultOptions(asUnit);
    return std::string(asUnit ? "unit version: " : "patchbay version: ") +
           (asUnit ? build::kUnitVersion : build::kVersion) +
           "\nconfigured as ./configure --control=" + d.control + " --pid=" + d.pidFile +
           " --log=" + d.logFile + " --modulesdir=" + d.modulesDir + " --statedir=" + d.stateDir +
           " --tmpdir=" + d.tmpDir + " --user=" + d.user + " --group=" + d.group + "\n";
}

} // namespace patchbay::main_
