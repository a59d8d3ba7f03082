// [control] See error_answer.hpp.
#include "router/api/error_answer.hpp"

#include "router/control/config_service.hpp"

namespace patchbay::api {
namespace {

using control::ConfigError;
using control::EditError;
using json::Value;

Value number(std::size_t value)
{
    return Value::integer(static_cast<std::int64_t>(value));
}

Value strings(const std::vector<std::string> &texts)
{
    Value list = Value::array();
    for (const std::string &text : texts) {
        list.append(Value::string(text));
    }
    return list;
}

Value location(std::size_t offset, const std::optional<json::Location> &place,
               const std::string &file = {})
{
    Value where = Value::object();
    where.add("offset", number(offset));
    if (place) {
        where.add("line", number(place->line));
        where.add("column", number(place->column));
    }
    if (!file.empty()) {
        where.add("file", Value::string(file));
    }
    return where;
}

void addHints(Value &body, const json::Problem &problem)
{
    if (!problem.reason.empty()) {
        body.add("reason", Value::string(problem.reason));
    }
    if (!problem.suggestion.empty()) {
        body.add("suggestion", Value::string(problem.suggestion));
    }
    if (!problem.known.empty()) {
        body.add("known", strings(problem.known));
    }
    if (!problem.allowed.empty()) {
        body.add("allowed", json::read(problem.allowed));
    }
}

// Where it stands, when it stands in a file.
void addPlace(Value &body, const ConfigError::Entry &entry)
{
    if (entry.located) {
        body.add("location", location(entry.offset, entry.place, entry.source));
    }
}

Value furtherProblems(const std::vector<ConfigError::Entry> &entries)
{
    Value more = Value::array();
    for (std::size_t i = 1; i < entries.size(); i++) {
        Value item = Value::object();
        item.add("detail", Value::string(entries[i].problem.detail));
        item.add("pointer", Value::string(entries[i].problem.pointer));
        addHints(item, entries[i].problem);
        addPlace(item, entries[i]);
        more.append(std::move(item));
    }
    return more;
}

Answer configAnswer(const ConfigError &error, std::string_view failed)
{
    const ConfigError::Entry &first = error.entries().front();
    bool apply = error.stage() == ConfigError::Stage::apply;
    bool syntax = error.stage() == ConfigError::Stage::syntax;
    Value body = Value::object();
    body.add("error", Value::string(apply    ? std::string(failed)
                                    : syntax ? "Invalid JSON."
                                             : "Invalid configuration."));
    body.add("detail", Value::string(first.problem.detail));
    if (!syntax) {
        body.add("pointer", Value::string(first.problem.pointer));
        addHints(body, first.problem);
    }
    for (const json::Member &member : error.cause().members()) {
        body.add(member.name, member.value);
    }
    if (error.entries().size() > 1) {
        body.add("more", furtherProblems(error.entries()));
    }
    addPlace(body, first);
    return Answer::of(apply ? 500 : 400, body);
}

Answer editAnswer(const EditError &error)
{
    using Kind = EditError::Kind;
    switch (error.kind()) {
    case Kind::notFound:
        return Answer::error(404, "Value doesn't exist.");
    case Kind::notArray:
        return Answer::methodNotAllowed();
    case Kind::conflict:
        return Answer::error(412, error.what());
    case Kind::fromFiles:
        return Answer::error(409, "The configuration comes from a file.", error.what());
    case Kind::unreadable:
        break;
    }
    return Answer::error(500, "Failed to read configuration.", error.what());
}

} // namespace

Answer syntaxAnswer(const json::ReadError &error, std::string_view body)
{
    Value answer = Value::object();
    answer.add("error", Value::string("Invalid JSON."));
    answer.add("detail", Value::string(error.what()));
    answer.add("location", location(error.offset(), json::locate(body, error.offset())));
    return Answer::of(400, answer);
}

Answer errorAnswer(const std::exception &error, std::string_view failed)
{
    if (const auto *config = dynamic_cast<const ConfigError *>(&error)) {
        return configAnswer(*config, failed);
    }
    if (const auto *edit = dynamic_cast<const EditError *>(&error)) {
        return editAnswer(*edit);
    }
    if (dynamic_cast<const std::bad_alloc *>(&error) != nullptr) {
        return Answer::error(500, "Memory allocation failed.");
    }
    return Answer::error(500, failed, error.what());
}

} // namespace patchbay::api
