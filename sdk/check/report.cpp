// patchbay-module: a verdict as text. What a module says of itself is made harmless.
#include "checker.hpp"

#include "json/value.hpp"
#include "json/writer.hpp"

#include <algorithm>
#include <sstream>

namespace patchbay::check {

namespace {

std::string printable(std::string text)
{
    for (char &c : text) {
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F) {
            c = '?';
        }
    }
    return text;
}

const char *wordOf(State state)
{
    switch (state) {
    case State::held:
        return "ok";
    case State::broken:
        return "FAILED";
    case State::skipped:
        break;
    }
    return "skipped";
}

// A line each, behind a mark; so that a program's noise is not taken for ours.
void appendIndented(std::string &out, const std::string &text)
{
    std::istringstream lines(printable(text));
    for (std::string line; std::getline(lines, line);) {
        out += "    | " + line + "\n";
    }
}

std::string summary(const Verdict &verdict)
{
    const auto rules = [](std::size_t count) {
        return std::to_string(count) + (count == 1 ? " rule" : " rules");
    };
    std::string text = rules(verdict.count(State::held)) + " kept, " +
                       std::to_string(verdict.count(State::broken)) + " broken";
    if (const std::size_t skipped = verdict.count(State::skipped); skipped != 0) {
        text += ", " + std::to_string(skipped) + " not tried";
    }
    return text;
}

} // namespace

std::string formatTable(const Verdict &verdict)
{
    std::string out = verdict.file;
    if (!verdict.id.empty()) {
        out += ": " + printable(verdict.id + " " + verdict.version);
    }
    out += "\n";
    for (const Result &result : verdict.results) {
        std::string rule = result.rule;
        std::string word = wordOf(result.outcome.state);
        rule.resize(std::max(rule.size(), std::size_t{12}), ' ');
        word.resize(std::max(word.size(), std::size_t{7}), ' ');
        out += "  " + rule + "  " + word + "  " + result.promise + "\n";
        if (result.outcome.state != State::held) {
            out += "    " + printable(result.outcome.text) + "\n";
        }
        if (result.outcome.state == State::broken) {
            appendIndented(out, result.outcome.output);
        }
    }
    return out + summary(verdict) + "\n";
}

std::string formatJson(const Verdict &verdict)
{
    using json::Value;
    Value results = Value::array();
    for (const Result &result : verdict.results) {
        Value object = Value::object();
        object.add("rule", Value::string(result.rule));
        object.add("promise", Value::string(result.promise));
        object.add("result", Value::string(result.outcome.state == State::broken
                                               ? "failed"
                                               : wordOf(result.outcome.state)));
        if (result.outcome.state != State::held) {
            object.add("reason", Value::string(printable(result.outcome.text)));
        }
        if (result.outcome.state == State::broken && !result.outcome.output.empty()) {
            object.add("output", Value::string(printable(result.outcome.output)));
        }
        results.append(std::move(object));
    }
    Value document = Value::object();
    document.add("file", Value::string(verdict.file));
    document.add("id", Value::string(printable(verdict.id)));
    document.add("version", Value::string(printable(verdict.version)));
    document.add("ok", Value::boolean(verdict.count(State::broken) == 0));
    document.add("rules", std::move(results));
    return json::writePretty(document) + "\n";
}

} // namespace patchbay::check
