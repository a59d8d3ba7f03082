// patchbay-module: see sample_options.hpp.
#include "sample_options.hpp"

#include "base/error.hpp"
#include "json/reader.hpp"
#include "json/schema.hpp"
#include "json/writer.hpp"

#include <algorithm>

namespace patchbay::check {

namespace {

using json::Value;

void set(Value &object, const std::string &name, const Value &value)
{
    if (Value *member = object.find(name); member != nullptr) {
        *member = value;
    } else {
        object.add(name, value);
    }
}

// One value of each type, and what the property's own schema names.
std::vector<Value> valuesFor(const Value &property)
{
    std::vector<Value> values = {Value::string(""),
                                 Value::string("/nonexistent/nonsense"),
                                 Value::string("\x01 \"'"),
                                 Value::string(std::string(5000, 'x')),
                                 Value::boolean(true),
                                 Value::boolean(false),
                                 Value::integer(0),
                                 Value::integer(INT64_MAX),
                                 Value::integer(-1),
                                 Value::number(json::Kind::fraction, "0.5"),
                                 Value::array(),
                                 Value::object()};
    for (const char *bound : {"minimum", "maximum"}) {
        if (const Value *value = property.find(bound); value != nullptr) {
            values.push_back(*value);
        }
    }
    if (const Value *list = property.find("enum"); list != nullptr && list->isArray()) {
        values.insert(values.end(), list->items().begin(), list->items().end());
    }
    return values;
}

const Value *propertiesOf(const Value &schema)
{
    const Value *properties = schema.find("properties");
    return properties != nullptr && properties->isObject() ? properties : nullptr;
}

} // namespace

std::string optionsFault(std::string_view schema, std::string_view options)
{
    try {
        const auto problems = json::Schema(schema).validate(json::read(options));
        if (problems.empty()) {
            return {};
        }
        const std::string &place = problems.front().pointer;
        return (place.empty() ? "" : place + ": ") + problems.front().detail;
    } catch (const Error &e) {
        return e.what();
    }
}

std::string defaultsFault(std::string_view schemaText)
{
    const Value document = json::read(schemaText);
    const Value *properties = propertiesOf(document);
    if (properties == nullptr) {
        return {};
    }
    for (const json::Member &property : properties->members()) {
        const Value *value = property.value.find("default");
        if (value == nullptr) {
            continue;
        }
        for (const json::Problem &problem : json::Schema(property.value).validate(*value)) {
            return "the default of its option \"" + property.name +
                   "\" breaks its own schema: " + problem.detail;
        }
    }
    return {};
}

std::string canonicalOptions(std::string_view options)
{
    return json::writeCanonical(json::read(options));
}

std::string withProgram(std::string_view options, std::string_view path)
{
    const std::string mark = "\"@PROGRAM@\"";
    const std::string name = json::writeCanonical(Value::string(std::string(path)));
    std::string text(options);
    for (auto at = text.find(mark); at != text.npos; at = text.find(mark, at + name.size())) {
        text.replace(at, mark.size(), name);
    }
    return text;
}

bool declaresOption(std::string_view schema, std::string_view name)
{
    return json::Schema(schema).declares(name);
}

std::vector<std::string> oddOptions(std::string_view schemaText, std::string_view base)
{
    const Value document = json::read(schemaText);
    const Value *properties = propertiesOf(document);
    if (properties == nullptr) {
        return {};
    }
    const json::Schema schema(schemaText);
    std::vector<std::string> found;
    for (const json::Member &property : properties->members()) {
        for (const Value &value : valuesFor(property.value)) {
            Value options = json::read(base);
            set(options, property.name, value);
            std::string text = json::writeCanonical(options);
            if (schema.validate(options).empty() &&
                std::find(found.begin(), found.end(), text) == found.end()) {
                found.push_back(std::move(text));
            }
        }
    }
    return found;
}

} // namespace patchbay::check
