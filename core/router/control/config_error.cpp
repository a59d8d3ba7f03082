// [control] Renders what is wrong with a configuration: see config_error.hpp.
#include "router/control/config_error.hpp"

namespace patchbay::control {

namespace {

std::vector<ConfigError::Entry> withPlaces(const ConfigSources &sources,
                                           std::vector<json::Problem> problems)
{
    std::vector<ConfigError::Entry> entries;
    entries.reserve(problems.size());
    for (json::Problem &problem : problems) {
        ConfigError::Entry entry;
        if (auto found = sources.find(problem.offset)) {
            entry.source = found->source;
            entry.offset = found->offset;
            entry.place = found->location;
            entry.located = true;
        }
        entry.problem = std::move(problem);
        entries.push_back(std::move(entry));
    }
    return entries;
}

// A name in the text may hold anything; a message is one line that no terminal obeys.
void appendPrintable(std::string &out, std::string_view text)
{
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7F) {
            out += c;
            continue;
        }
        out += "\\x";
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
}

std::string renderPlace(const ConfigError::Entry &entry)
{
    if (!entry.located) {
        return {};
    }
    std::string out;
    appendPrintable(out, entry.source);
    out += entry.source.empty() ? "" : ":";
    if (entry.place) {
        out += std::to_string(entry.place->line) + ":" + std::to_string(entry.place->column);
    } else {
        out += "byte " + std::to_string(entry.offset);
    }
    return out + ": ";
}

void appendHint(std::string &out, const json::Problem &problem)
{
    if (!problem.suggestion.empty()) {
        out += " Did you mean \"";
        appendPrintable(out, problem.suggestion);
        out += "\"?";
        return;
    }
    for (std::size_t i = 0; i < problem.known.size(); ++i) {
        out += i == 0 ? " Known here: \"" : "\", \"";
        appendPrintable(out, problem.known[i]);
    }
    out += problem.known.empty() ? "" : "\".";
}

std::string render(const std::vector<ConfigError::Entry> &entries)
{
    std::string out;
    for (const ConfigError::Entry &entry : entries) {
        out += out.empty() ? "" : "\n";
        out += renderPlace(entry);
        if (!entry.problem.pointer.empty()) {
            appendPrintable(out, entry.problem.pointer);
            out += ": ";
        }
        appendPrintable(out, entry.problem.detail);
        if (!entry.problem.reason.empty()) {
            out += " (";
            appendPrintable(out, entry.problem.reason);
            out += ')';
        }
        appendHint(out, entry.problem);
    }
    return out;
}

} // namespace

ConfigError::ConfigError(Stage stage, const ConfigSources &sources,
                         std::vector<json::Problem> problems, json::Value cause)
    : ConfigError(stage, withPlaces(sources, std::move(problems)), std::move(cause))
{
}

ConfigError::ConfigError(Stage stage, std::vector<Entry> entries, json::Value cause)
    : Error(render(entries)), stage_(stage), entries_(std::move(entries)), cause_(std::move(cause))
{
}

} // namespace patchbay::control
