// [control] Renders what is wrong with a configuration: see config_error.hpp.
#include "router/control/config_error.hpp"

namespace patchbay::control {

namespace {

std::vector<ConfigError::Entry> withPlaces(std::string_view text,
                                           std::vector<json::Problem> problems)
{
    std::vector<ConfigError::Entry> entries;
    entries.reserve(problems.size());
    for (json::Problem &problem : problems) {
        const std::optional<json::Location> place = json::locate(text, problem.offset);
        entries.push_back({std::move(problem), place});
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

std::string renderPlace(std::string_view source, const ConfigError::Entry &entry)
{
    std::string out;
    appendPrintable(out, source);
    out += source.empty() ? "" : ":";
    if (entry.place) {
        out += std::to_string(entry.place->line) + ":" + std::to_string(entry.place->column);
    } else {
        out += "byte " + std::to_string(entry.problem.offset);
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

std::string render(std::string_view source, const std::vector<ConfigError::Entry> &entries)
{
    std::string out;
    for (const ConfigError::Entry &entry : entries) {
        out += out.empty() ? "" : "\n";
        out += renderPlace(source, entry);
        if (!entry.problem.pointer.empty()) {
            appendPrintable(out, entry.problem.pointer);
            out += ": ";
        }
        appendPrintable(out, entry.problem.detail);
        appendHint(out, entry.problem);
    }
    return out;
}

} // namespace

ConfigError::ConfigError(Stage stage, std::string_view source, std::string_view text,
                         std::vector<json::Problem> problems)
    : ConfigError(stage, source, withPlaces(text, std::move(problems)))
{
}

ConfigError::ConfigError(Stage stage, std::string_view source, std::vector<Entry> entries)
    : Error(render(source, entries)), stage_(stage), entries_(std::move(entries))
{
}

} // namespace patchbay::control
