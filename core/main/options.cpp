// Called by patchbayd.cpp with argv.
#include "main/options.hpp"

#include "base/build_info.hpp"
#include "base/control_address.hpp"

#include <algorithm>
#include <string_view>

namespace patchbay::main_ {
namespace {

using Arguments = std::span<const char *const>;

struct Rule {
    std::string_view name;
    const char *wants; // "requires WANTS" when the value is missing; null: takes none
    void (*apply)(Options &, const std::string &value);
};

void setControlMode(Options &options, const std::string &value)
{
    bool octal = value.size() <= 4 && std::all_of(value.begin(), value.end(),
                                                  [](char c) { return c >= '0' && c <= '7'; });
    unsigned long mode = octal ? std::stoul(value, nullptr, 8) : 01000;
    if (mode > 0777) {
        throw OptionError("option \"--control-mode\" requires an octal mode up to 777, not \"" +
                          value + "\"");
    }
    options.controlMode = static_cast<mode_t>(mode);
}

void setLogLevel(Options &options, const std::string &value)
{
    if (!log::parseLevel(value, options.logLevel)) {
        throw OptionError("option \"--log-level\" requires alert, error, warn, notice, info or "
                          "debug, not \"" +
                          value + "\"");
    }
}

void setLogFormat(Options &options, const std::string &value)
{
    if (!log::parseFormat(value, options.logFormat)) {
        throw OptionError("option \"--log-format\" requires text or json, not \"" + value + "\"");
    }
}

void setModulesDir(Options &options, const std::string &value)
{
    options.modulesDir = value;
    options.modulesDirGiven = true;
}

void setUser(Options &options, const std::string &value)
{
    options.user = value;
    options.userGiven = true;
}

void setGroup(Options &options, const std::string &value)
{
    options.group = value;
    options.groupGiven = true;
}

template <std::string Options::*member>
void setText(Options &options, const std::string &value)
{
    options.*member = value;
}

template <Options::Action action>
void setAction(Options &options, const std::string &)
{
    options.action = action;
}

constexpr Rule kRules[] = {
    {"--version", nullptr, setAction<Options::Action::version>},
    {"--help", nullptr, setAction<Options::Action::help>},
    {"-h", nullptr, setAction<Options::Action::help>},
    {"--no-daemon", nullptr, [](Options &o, const std::string &) { o.daemon = false; }},
    {"--control", "socket address", setText<&Options::control>},
    {"--control-mode", "a mode", setControlMode},
    {"--control-user", "a username", setText<&Options::controlUser>},
    {"--control-group", "a group name", setText<&Options::controlGroup>},
    {"--pid", "filename", setText<&Options::pidFile>},
    {"--log", "filename", setText<&Options::logFile>},
    {"--modulesdir", "directory", setModulesDir},
    {"--statedir", "directory", setText<&Options::stateDir>},
    {"--tmpdir", "directory", setText<&Options::tmpDir>},
    {"--user", "username", setUser},
    {"--group", "group name", setGroup},
    {"--test", nullptr, setAction<Options::Action::test>},
    {"-t", nullptr, setAction<Options::Action::test>},
    {"--config", "filename", setText<&Options::config>},
    {"--list-modules", nullptr, setAction<Options::Action::listModules>},
    {"--json", nullptr, [](Options &o, const std::string &) { o.json = true; }},
    {"--log-level", "a level", setLogLevel},
    {"--log-format", "a format", setLogFormat},
};

// Old synonyms: another spelling of `name`.
struct Synonym {
    std::string_view old;
    std::string_view name;
};
constexpr Synonym kSynonyms[] = {
    {"--modules", "--modulesdir"},
    {"--state", "--statedir"},
    {"--tmp", "--tmpdir"},
};

const Rule *findRule(std::string_view name)
{
    const auto *found = std::find_if(std::begin(kRules), std::end(kRules),
                                     [&](const Rule &rule) { return rule.name == name; });
    return found == std::end(kRules) ? nullptr : found;
}

const Synonym *findSynonym(std::string_view name)
{
    const auto *found = std::find_if(std::begin(kSynonyms), std::end(kSynonyms),
                                     [&](const Synonym &entry) { return entry.old == name; });
    return found == std::end(kSynonyms) ? nullptr : found;
}

std::string inQuotes(std::string_view text)
{
    return '"' + std::string(text) + '"';
}

// The rule of what the user wrote; a synonym leaves a warning.
const Rule &ruleOf(const std::string &name, Options &options, const char *program)
{
    const Synonym *synonym = findSynonym(name);
    if (synonym != nullptr) {
        options.warnings.push_back("option " + inQuotes(name) + " is deprecated; use " +
                                   inQuotes(synonym->name) + " instead");
    }
    const Rule *rule = findRule(synonym != nullptr ? synonym->name : name);
    if (rule == nullptr) {
        throw OptionError("unknown option " + inQuotes(name) + ", try \"" + program +
                          " -h\" for available options");
    }
    return *rule;
}

// The last one counts, so it is looked at when all are known.
void checkControl(const Options &options)
{
    try {
        parseControlAddress(options.control);
    } catch (const Error &error) {
        throw OptionError(std::string("option \"--control\" cannot be used: ") + error.what());
    }
}

void checkTogether(const Options &options)
{
    checkControl(options);
    if (options.json && options.action != Options::Action::listModules) {
        throw OptionError("option \"--json\" goes with \"--list-modules\" only");
    }
    if (options.action == Options::Action::test && options.config.empty()) {
        throw OptionError("option \"--test\" needs \"--config FILE\": what is to be tested");
    }
}

} // namespace

Options defaultOptions(bool asUnit)
{
    Options options;
    options.control =
        asUnit ? build::kUnitControl : "unix:" + std::string(build::kRunDir) + "/control.sock";
    options.pidFile = asUnit ? build::kUnitPidFile : std::string(build::kRunDir) + "/patchbay.pid";
    options.logFile = asUnit ? build::kUnitLogFile : build::kLogFile;
    options.stateDir = asUnit ? build::kUnitStateDir : build::kStateDir;
    options.modulesDir = build::kModulesDir;
    options.tmpDir = build::kTmpDir;
    options.user = asUnit ? build::kUnitUser : build::kUser;
    options.group = options.user;
    return options;
}

Options parseOptions(Arguments arguments, bool asUnit)
{
    Options options = defaultOptions(asUnit);
    const char *program = arguments.empty() ? "" : arguments[0];
    for (std::size_t i = 1; i < arguments.size(); i++) {
        std::string name = arguments[i];
        const Rule &rule = ruleOf(name, options, program);
        std::string value;
        if (rule.wants != nullptr) {
            if (i + 1 == arguments.size() || arguments[i + 1][0] == '\0') {
                throw OptionError("option " + inQuotes(name) + " requires " + rule.wants);
            }
            value = arguments[++i];
        }
        rule.apply(options, value);
        if (options.action == Options::Action::help || options.action == Options::Action::version) {
            return options;
        }
    }
    checkTogether(options);
    return options;
}

} // namespace patchbay::main_
