// See error_text.hpp. The members are those of control-api.md 3.3, 4 and 8.
#include "ctl/error_text.hpp"

#include "ctl/printable.hpp"
#include "json/location.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

namespace patchbay::ctl {
namespace {

using json::Value;

constexpr std::string_view kIndent = "  ";
constexpr std::string_view kDeeper = "    ";

// What a person can do about a listener that does not open, by `code`.
struct Advice {
    std::string_view code;
    std::string_view text;
};
constexpr Advice kAdvice[] = {
    {"in_use", "Another process has this address; \"ss -ltnp\" (unix: \"ss -lxp\") shows which."},
    {"no_address", "No interface of this machine has this address; \"ip address\" lists them."},
    {"no_access", "patchbayd may not open it. A port below 1024 needs root, a unix socket a "
                  "directory that it may write to."},
    {"no_ipv6", "IPv6 is off on this machine; use an IPv4 address."},
    {"path", "The socket's directory has to exist, and its whole path to be at most 107 bytes."},
    {"port", "A port is a number from 1 to 65535."},
};

std::string textOf(const Value &value, std::string_view name)
{
    return printable(value.stringOf(name));
}

std::string place(std::string_view source, std::optional<json::Location> location)
{
    const std::string name = printable(source);
    if (!location) {
        return name;
    }
    if (name.empty()) {
        return "line " + std::to_string(location->line) + ", column " +
               std::to_string(location->column);
    }
    return name + ":" + std::to_string(location->line) + ":" + std::to_string(location->column);
}

// The member called `name` of an object, or the element with that index, with the place it is
// found at: a member's name, an element itself.
struct Step {
    const Value *value = nullptr;
    std::size_t offset = 0;
};

Step stepInto(const Value &value, std::string_view name)
{
    for (const json::Member &member : value.members()) {
        if (member.name == name) {
            return {&member.value, member.nameOffset};
        }
    }
    for (std::size_t i = 0; i < value.items().size(); ++i) {
        if (std::to_string(i) == name) {
            return {&value.items()[i], value.items()[i].offset()};
        }
    }
    return {};
}

std::string unescaped(std::string_view part)
{
    std::string out;
    for (std::size_t i = 0; i < part.size(); ++i) {
        const bool escape = part[i] == '~' && i + 1 < part.size();
        out += !escape ? part[i] : part[++i] == '1' ? '/' : '~';
    }
    return out;
}

// Offset of the value at the pointer, which counts from the value itself.
std::optional<std::size_t> offsetOf(const Value &root, std::string_view pointer)
{
    Step step{&root, root.offset()};
    while (!pointer.empty()) {
        pointer.remove_prefix(1); // the slash
        const std::size_t end = std::min(pointer.find('/'), pointer.size());
        step = stepInto(*step.value, unescaped(pointer.substr(0, end)));
        if (step.value == nullptr) {
            return std::nullopt;
        }
        pointer.remove_prefix(end);
    }
    return step.offset;
}

std::optional<std::size_t> numberOf(const Value &value, std::string_view name)
{
    const Value *number = value.find(name);
    if (number == nullptr || !number->isInteger() || number->asInteger() < 0) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(number->asInteger());
}

// Where the server says it is; it tells the file when it has read the text itself.
std::string placeFromLocation(const Value &location, const SentText *sent)
{
    std::string source(location.stringOf("file"));
    if (source.empty() && sent != nullptr) {
        source = sent->name;
    }
    const auto line = numberOf(location, "line"), column = numberOf(location, "column");
    if (line && column) {
        return place(source, json::Location{*line, *column});
    }
    const auto offset = numberOf(location, "offset");
    const std::string name = printable(source);
    if (!offset) {
        return name;
    }
    return (name.empty() ? "" : name + ": ") + "byte " + std::to_string(*offset);
}

std::string where(const Value &problem, const SentText *sent)
{
    if (const Value *location = problem.find("location")) {
        return placeFromLocation(*location, sent);
    }
    const Value *pointer = problem.find("pointer");
    return sent != nullptr && pointer != nullptr ? placeOf(*sent, pointer->text()) : "";
}

std::string listOf(const Value &values)
{
    std::string out;
    for (const Value &value : values.items()) {
        out += out.empty() ? "" : ", ";
        out += value.isString() ? "\"" + printable(value.text()) + "\""
                                : printable(json::writeCompact(value));
    }
    return out;
}

std::string allowed(const Value &range)
{
    if (range.isArray()) {
        return range.items().empty() ? "" : " Allowed: " + listOf(range) + ".";
    }
    const Value *least = range.find("minimum"), *most = range.find("maximum");
    std::string out;
    if (least != nullptr) {
        out += " from " + json::writeCompact(*least);
    }
    if (most != nullptr) {
        out += " up to " + json::writeCompact(*most);
    }
    return out.empty() ? "" : " Allowed:" + out + ".";
}

std::string hint(const Value &problem)
{
    const std::string reason = textOf(problem, "reason");
    if (!reason.empty()) {
        return " (" + reason + ")";
    }
    const std::string suggestion = textOf(problem, "suggestion");
    if (!suggestion.empty()) {
        return " Did you mean \"" + suggestion + "\"?";
    }
    const Value *range = problem.find("allowed");
    std::string out = range != nullptr ? allowed(*range) : "";
    const Value *known = problem.find("known");
    if (known != nullptr && !known->items().empty()) {
        out += " Known here: " + listOf(*known) + ".";
    }
    return out;
}

// "  FILE:3:21: /listeners/*:8080/pas: Unknown parameter "pas". Did you mean "pass"?"
void appendProblem(std::string &out, const Value &problem, const SentText *sent)
{
    const std::string pointer = textOf(problem, "pointer"), detail = textOf(problem, "detail");
    if (pointer.empty() && detail.empty()) {
        return;
    }
    const std::string at = where(problem, sent);
    out.append("\n").append(kIndent) += at;
    out += (at.empty() ? "" : ": ") + pointer;
    out += (pointer.empty() || detail.empty() ? "" : ": ") + detail + hint(problem);
}

// Names and causes that an answer without `detail` has, or that a detail does not repeat.
void appendCause(std::string &out, const Value &answer)
{
    const bool detailed = answer.find("detail") != nullptr;
    const std::string message = textOf(answer, "message");
    for (const std::string_view kind : {"listener", "application", "module"}) {
        const std::string name = textOf(answer, kind);
        if (!name.empty() && (!detailed || kind == "module")) {
            out.append("\n").append(kIndent).append(kind);
            out += " \"" + name + "\"" + (message.empty() ? "" : ": " + message);
        }
    }
}

void appendOutput(std::string &out, const Value &answer)
{
    const std::string_view output = answer.stringOf("output");
    if (!output.empty()) {
        out.append("\n").append(kIndent) += "The last lines it printed:\n";
        out += indented(output, kDeeper);
        out.pop_back();
    }
}

void appendAdvice(std::string &out, const Value &answer)
{
    const std::string_view code = answer.stringOf("code");
    for (const Advice &advice : kAdvice) {
        if (advice.code == code) {
            out.append("\n").append(kIndent).append(advice.text);
        }
    }
}

} // namespace

std::string placeOf(const SentText &sent, std::string_view pointer)
{
    if (!pointer.starts_with(sent.pointer)) {
        return {};
    }
    pointer.remove_prefix(sent.pointer.size());
    if (!pointer.empty() && pointer[0] != '/') {
        return {};
    }
    try {
        const Value root = json::read(sent.text);
        const std::optional<std::size_t> offset = offsetOf(root, pointer);
        return offset ? place(sent.name, json::locate(sent.text, *offset)) : "";
    } catch (const json::ReadError &) {
        return {}; // the server has told where
    }
}

std::string errorText(const Value &answer, const SentText *sent)
{
    std::string out = textOf(answer, "error");
    if (out.empty()) {
        out = "The server refused without a reason.";
    }
    appendProblem(out, answer, sent);
    appendCause(out, answer);
    if (const Value *more = answer.find("more")) {
        for (const Value &problem : more->items()) {
            appendProblem(out, problem, sent);
        }
    }
    appendOutput(out, answer);
    appendAdvice(out, answer);
    return out;
}

} // namespace patchbay::ctl
