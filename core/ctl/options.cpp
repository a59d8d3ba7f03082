// Called by patchbayctl.cpp with argv. Options may stand anywhere, with their value in the next
// argument or after "="; "--" ends them.
#include "ctl/options.hpp"

#include "base/build_info.hpp"
#include "json/nearest.hpp"

#include <charconv>

namespace patchbay::ctl {
namespace {

struct Rule {
    std::string_view name;
    const char *wants; // what its value is; null: it takes none
    void (*apply)(Options &, const std::string &value);
};

void setTimeout(Options &options, const std::string &value)
{
    constexpr unsigned kMost = 365 * 24 * 3600;
    unsigned seconds = 0;
    const char *end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, seconds);
    if (error != std::errc() || stop != end || seconds == 0 || seconds > kMost) {
        throw UsageError("option \"--timeout\" needs a number of seconds, at least 1, not \"" +
                         value + "\"");
    }
    options.timeout = std::chrono::seconds(seconds);
}

constexpr Rule kRules[] = {
    {"--control", "an address", [](Options &o, const std::string &value) { o.control = value; }},
    {"--timeout", "a number of seconds", setTimeout},
    {"--json", nullptr, [](Options &o, const std::string &) { o.json = true; }},
    {"--quiet", nullptr, [](Options &o, const std::string &) { o.quiet = true; }},
    {"--string", nullptr, [](Options &o, const std::string &) { o.string = true; }},
    {"--help", nullptr, [](Options &o, const std::string &) { o.action = Options::Action::help; }},
    {"-h", nullptr, [](Options &o, const std::string &) { o.action = Options::Action::help; }},
    {"--version", nullptr,
     [](Options &o, const std::string &) { o.action = Options::Action::version; }},
};

std::string inQuotes(std::string_view text)
{
    return '"' + std::string(text) + '"';
}

std::string didYouMean(std::string_view name, const std::vector<std::string> &known)
{
    const std::string suggestion = json::nearest(name, known);
    return suggestion.empty() ? std::string() : ". Did you mean " + inQuotes(suggestion) + "?";
}

const Rule &ruleOf(std::string_view name)
{
    std::vector<std::string> known;
    for (const Rule &rule : kRules) {
        if (rule.name == name) {
            return rule;
        }
        if (rule.name.starts_with("--")) {
            known.emplace_back(rule.name);
        }
    }
    throw UsageError("unknown option " + inQuotes(name) + didYouMean(name, known));
}

// A lone "-" is standard input, "-5" a VALUE.
bool isOption(std::string_view argument)
{
    return argument.size() > 1 && argument[0] == '-' && (argument[1] < '0' || argument[1] > '9');
}

// Takes the option at arguments[i]; returns the index of the last argument it used.
std::size_t takeOption(Options &options, std::span<const char *const> arguments, std::size_t i)
{
    const std::string_view argument = arguments[i];
    const std::size_t equals = argument.find('=');
    const Rule &rule = ruleOf(argument.substr(0, equals));
    std::string value;
    if (equals != std::string_view::npos) {
        value = argument.substr(equals + 1);
        if (rule.wants == nullptr) {
            throw UsageError("option " + inQuotes(rule.name) + " takes no value");
        }
    } else if (rule.wants != nullptr && i + 1 < arguments.size()) {
        value = arguments[++i];
    }
    if (rule.wants != nullptr && value.empty()) {
        throw UsageError("option " + inQuotes(rule.name) + " needs " + rule.wants);
    }
    rule.apply(options, value);
    return i;
}

const Command *find(std::string_view name)
{
    for (const Command &command : commands()) {
        if (command.name == name) {
            return &command;
        }
    }
    return nullptr;
}

[[noreturn]] void complainUnknown(const std::vector<std::string> &words)
{
    const std::string two = words.size() > 1 ? words[0] + " " + words[1] : std::string();
    std::vector<std::string> full, first;
    std::string members; // of the group words[0]
    for (const Command &command : commands()) {
        const std::string_view group = command.name.substr(0, command.name.find(' '));
        full.emplace_back(command.name);
        if (first.empty() || first.back() != group) {
            first.emplace_back(group);
        }
        if (group == words[0] && group.size() < command.name.size()) {
            members += members.empty() ? "" : ", ";
            members += command.name.substr(group.size() + 1);
        }
    }
    if (two.empty() && !members.empty()) {
        throw UsageError(inQuotes(words[0]) + " needs one of: " + members);
    }
    std::string hint = didYouMean(two, full);
    if (hint.empty() && members.empty()) {
        hint = didYouMean(words[0], first);
    } else if (hint.empty()) {
        hint = ". There are: " + members;
    }
    throw UsageError("unknown command " + inQuotes(members.empty() ? words[0] : two) + hint);
}

void checkArguments(const Command &command, const std::vector<std::string> &arguments)
{
    const std::string usage =
        "\nusage: patchbayctl " + std::string(command.name) +
        (command.arguments.empty() ? "" : " " + std::string(command.arguments));
    if (arguments.size() > command.most) {
        throw UsageError("too many arguments: " + inQuotes(arguments[command.most]) + usage);
    }
    if (arguments.size() < command.least) {
        throw UsageError("too few arguments" + usage);
    }
}

void chooseCommand(Options &options, std::vector<std::string> words)
{
    if (words.empty()) {
        throw UsageError("a command is missing");
    }
    std::size_t used = 2;
    options.command = words.size() > 1 ? find(words[0] + " " + words[1]) : nullptr;
    if (options.command == nullptr) {
        used = 1;
        options.command = find(words[0]);
    }
    if (options.command == nullptr) {
        complainUnknown(words);
    }
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(used));
    checkArguments(*options.command, words);
    options.arguments = std::move(words);
    if (options.string && options.command->run != runConfigSet &&
        options.command->run != runConfigAppend) {
        throw UsageError("option \"--string\" goes with \"config set\" and \"config append\" only");
    }
}

} // namespace

std::string defaultControl()
{
    return "unix:" + std::string(build::kRunDir) + "/control.sock";
}

Options parseOptions(std::span<const char *const> arguments, const char *controlVariable)
{
    Options options;
    options.control =
        controlVariable != nullptr && *controlVariable != '\0' ? controlVariable : defaultControl();
    std::vector<std::string> words;
    bool literal = false; // after "--"
    for (std::size_t i = 0; i < arguments.size(); i++) {
        const std::string_view argument = arguments[i];
        if (!literal && argument == "--") {
            literal = true;
        } else if (literal || !isOption(argument)) {
            words.emplace_back(argument);
        } else {
            i = takeOption(options, arguments, i);
        }
        if (options.action != Options::Action::run) {
            return options;
        }
    }
    chooseCommand(options, std::move(words));
    return options;
}

} // namespace patchbay::ctl
