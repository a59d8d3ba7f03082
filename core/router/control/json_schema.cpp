// [control] Publishes the schemas of core and modules as one: see json_schema.hpp.
#include "router/control/json_schema.hpp"

#include "base/error.hpp"
#include "patchbay/abi.h"
#include "router/control/core_schema.hpp"
#include "json/reader.hpp"
#include "json/schema.hpp"
#include "json/units.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace patchbay::control {

namespace {

using json::Member;
using json::Value;

constexpr std::string_view kDefaultListener = "tcp"; // for addresses without a scheme

// A string that holds a reference may become anything when it is expanded.
constexpr std::string_view kReferencePattern = R"(|\$\{(env|file):)";

// Runtime modules of one language that differ in their options.
struct Language {
    std::string name;
    bool program = false; // of the first by file name
    std::vector<const modules::ModuleInfo *> runtimes;
};

bool isTrue(const Value *value)
{
    return value != nullptr && value->kind() == json::Kind::boolean && value->asBool();
}

bool isFalse(const Value *value)
{
    return value != nullptr && value->kind() == json::Kind::boolean && !value->asBool();
}

bool holds(const Value *array, std::string_view text)
{
    return array != nullptr && std::any_of(array->items().begin(), array->items().end(),
                                           [&](const Value &item) { return item.text() == text; });
}

Value strings(const std::vector<std::string> &texts)
{
    Value array = Value::array();
    for (const std::string &text : texts) {
        array.append(Value::string(text));
    }
    return array;
}

Value without(const Value *array, std::string_view text)
{
    Value rest = Value::array();
    for (const Value &item : array->items()) {
        if (item.text() != text) {
            rest.append(item);
        }
    }
    return rest;
}

Value stringLike(std::string pattern)
{
    Value schema = Value::object();
    schema.add("type", Value::string("string"));
    schema.add("pattern", Value::string(std::move(pattern)));
    return schema;
}

// Of "type": python, python 3, python3.11; programs take no version.
std::string typePattern(const std::vector<Language> &languages)
{
    std::string versioned;
    std::string programs;
    for (const Language &language : languages) {
        std::string &names = language.program ? programs : versioned;
        names += (names.empty() ? "" : "|") + language.name;
    }
    versioned = versioned.empty() ? "" : "(" + versioned + ")( |[0-9]|$)";
    programs = programs.empty() ? "" : "(" + programs + ") ?$";
    return versioned.empty() || programs.empty() ? "^" + versioned + programs
                                                 : "^(" + versioned + "|" + programs + ")";
}

bool contains(const std::vector<std::string> &names, const std::string &name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

// An application has targets, or is one itself: as ConfigRules::withTargets says it.
Value eitherTargets(const std::vector<std::string> &options, Value required)
{
    Value none = Value::object();
    for (const std::string &option : options) {
        none.add(option, Value::boolean(false));
    }
    Value with = Value::object();
    with.add("required", strings({"targets"}));
    with.add("properties", std::move(none));
    Value noTargets = Value::object();
    noTargets.add("targets", Value::boolean(false));
    Value itself = Value::object();
    itself.add("required", std::move(required));
    itself.add("properties", std::move(noTargets));
    Value choices = Value::array();
    choices.append(std::move(with));
    choices.append(std::move(itself));
    return choices;
}

class Publisher {
public:
    explicit Publisher(const modules::Catalog &catalog) : catalog_(catalog) {}

    Value schema(const Value &source) const;

private:
    Value properties(const Value &source) const;
    void additional(Value &out, const Value &source) const;
    void keyword(Value &out, const Value &source, const Member &member) const;
    void listeners(Value &out) const;
    Value sinks() const;
    Value applications() const;
    Value application(const std::vector<Language> &languages) const;
    std::vector<Language> languages() const;
    Value composed(const json::Schema &core, std::string_view coreText,
                   const modules::ModuleInfo &module) const;

    const modules::Catalog &catalog_;
};

Value Publisher::properties(const Value &source) const
{
    Value out = Value::object();
    for (const Member &property : source.members()) {
        if (!isTrue(property.value.find("x-unbuilt"))) {
            out.add(property.name, schema(property.value));
        }
    }
    return out;
}

void Publisher::additional(Value &out, const Value &source) const
{
    const std::string_view choice = source.stringOf("x-select");
    if (choice == "listener") {
        listeners(out);
    } else if (choice == "application") {
        out.add("additionalProperties", applications());
    } else if (choice == "sink") {
        out.add("additionalProperties", sinks());
    } else {
        out.add("additionalProperties", source.isObject() ? schema(source) : source);
    }
}

void Publisher::keyword(Value &out, const Value &source, const Member &member) const
{
    const std::string &name = member.name;
    if (name == "properties") {
        out.add(name, properties(member.value));
    } else if (name == "additionalProperties") {
        additional(out, member.value);
    } else if (name == "items") {
        out.add(name, schema(member.value));
    } else if (name == "enum") {
        Value built = Value::array();
        for (const Value &item : member.value.items()) {
            if (!holds(source.find("x-unbuilt"), item.text())) {
                built.append(item);
            }
        }
        out.add(name, std::move(built));
    } else if (name == "x-begins") {
        out.add("pattern",
                Value::string("^" + member.value.text() + std::string(kReferencePattern)));
    } else if (!name.starts_with("x-") && name != "$schema" && name != "$id") {
        out.add(name, member.value);
    }
}

// An object without a single option that is built: of several types, it is no choice.
bool isHollow(const Value &source)
{
    const Value *properties = source.find("properties");
    return holds(source.find("type"), "object") && properties != nullptr &&
           isFalse(source.find("additionalProperties")) &&
           std::all_of(
               properties->members().begin(), properties->members().end(),
               [](const Member &property) { return isTrue(property.value.find("x-unbuilt")); });
}

Value withoutObject(const Value &source)
{
    Value out = Value::object();
    for (const Member &member : source.members()) {
        if (member.name == "type") {
            out.add(member.name, without(&member.value, "object"));
        } else if (member.name != "properties" && member.name != "additionalProperties") {
            out.add(member.name, member.value);
        }
    }
    return out;
}

Value Publisher::schema(const Value &source) const
{
    if (isHollow(source)) {
        return schema(withoutObject(source));
    }
    const json::Quantity quantity = json::quantityNamed(source.stringOf("x-unit"));
    Value out = Value::object();
    if (quantity == json::Quantity::none) {
        for (const Member &member : source.members()) {
            keyword(out, source, member);
        }
        return out;
    }
    Value number = Value::object();
    for (const Member &member : source.members()) {
        const bool forPeople = member.name == "title" || member.name == "description" ||
                               member.name == "default" || member.name == "examples";
        keyword(forPeople ? out : number, source, member);
    }
    Value text = stringLike(std::string(json::quantityPattern(quantity)).append(kReferencePattern));
    text.add("examples", strings(json::quantityExamples(quantity)));
    Value either = Value::array();
    either.append(std::move(number));
    either.append(std::move(text));
    out.add("anyOf", std::move(either));
    return out;
}

// The core's options and the module's, closed, as Schema::merged makes it.
Value Publisher::composed(const json::Schema &core, std::string_view coreText,
                          const modules::ModuleInfo &module) const
{
    std::vector<std::string> ofTargets;
    try {
        ofTargets = core.merged(json::Schema(module.schema)).optionsBelow("targets");
    } catch (const Error &error) {
        throw Error("module \"" + module.file + "\": " + error.what());
    }
    const std::array<Value, 2> parts{json::read(coreText), json::read(module.schema)};
    Value out = Value::object();
    Value options = Value::object();
    Value required = Value::array();
    Value requiredOfTargets = Value::array();
    for (const Value &part : parts) {
        if (const Value *properties = part.find("properties")) {
            for (const Member &property : properties->members()) {
                options.add(property.name, property.value);
            }
        }
        if (const Value *names = part.find("required")) {
            for (const Value &name : names->items()) {
                (contains(ofTargets, name.text()) ? requiredOfTargets : required).append(name);
            }
        }
    }
    if (const Value *description = parts[1].find("description")) {
        out.add("description", *description);
    }
    out.add("type", Value::string("object"));
    out.add("properties", properties(options));
    if (!required.items().empty()) {
        out.add("required", std::move(required));
    }
    if (!ofTargets.empty()) {
        out.add("oneOf", eitherTargets(ofTargets, std::move(requiredOfTargets)));
    }
    out.add("additionalProperties", Value::boolean(false));
    return out;
}

// "unix:..." is the module's of that scheme; an address of no such scheme is TCP's.
void Publisher::listeners(Value &out) const
{
    Value schemes = Value::object();
    Value others = Value::boolean(false);
    for (const modules::ModuleInfo &module : catalog_.modules) {
        if (module.kind != PB_KIND_LISTENER || catalog_.find(module.id) != &module) {
            continue;
        }
        Value options = composed(listenerSchema(), listenerSchemaText(), module);
        if (module.name() == kDefaultListener) {
            others = std::move(options);
        } else {
            schemes.add("^" + std::string(module.name()) + ":", std::move(options));
        }
    }
    if (!schemes.members().empty()) {
        out.add("patternProperties", std::move(schemes));
    }
    out.add("additionalProperties", std::move(others));
}

Value Publisher::sinks() const
{
    Value choices = Value::array();
    for (const modules::ModuleInfo &module : catalog_.modules) {
        if (module.kind != PB_KIND_SINK || catalog_.find(module.id) != &module) {
            continue;
        }
        Value type = Value::object();
        type.add("const", Value::string(std::string(module.name())));
        Value named = Value::object();
        named.add("type", std::move(type));
        Value condition = Value::object();
        condition.add("properties", std::move(named));
        Value choice = Value::object();
        choice.add("if", std::move(condition));
        choice.add("then", composed(sinkSchema(), sinkSchemaText(), module));
        choices.append(std::move(choice));
    }
    if (choices.items().empty()) {
        return Value::boolean(false);
    }
    Value out = Value::object();
    out.add("type", Value::string("object"));
    out.add("required", strings({"type"}));
    out.add("allOf", std::move(choices));
    return out;
}

std::vector<Language> Publisher::languages() const
{
    std::vector<Language> languages;
    for (const modules::ModuleInfo &module : catalog_.modules) {
        const std::string name(module.name());
        if (module.kind != PB_KIND_RUNTIME || catalog_.find("encoder." + name) == nullptr) {
            continue;
        }
        auto language = std::find_if(languages.begin(), languages.end(),
                                     [&](const Language &known) { return known.name == name; });
        if (language == languages.end()) {
            language = languages.insert(languages.end(), {name, module.program, {}});
        }
        std::vector<const modules::ModuleInfo *> &same = language->runtimes;
        if (std::none_of(same.begin(), same.end(), [&](const modules::ModuleInfo *known) {
                return known->schema == module.schema;
            })) {
            same.push_back(&module);
        }
    }
    return languages;
}

Value Publisher::applications() const
{
    const std::vector<Language> known = languages();
    return known.empty() ? Value::boolean(false) : application(known);
}

// "type" says the language, and the language which options there are.
Value Publisher::application(const std::vector<Language> &languages) const
{
    Value choices = Value::array();
    for (const Language &language : languages) {
        Value named = Value::object();
        named.add("type", stringLike(typePattern({language})));
        Value condition = Value::object();
        condition.add("properties", std::move(named));
        condition.add("required", strings({"type"}));
        Value versions = Value::array();
        for (const modules::ModuleInfo *runtime : language.runtimes) {
            versions.append(composed(applicationSchema(), applicationSchemaText(), *runtime));
        }
        Value options = Value::object();
        options.add("anyOf", versions);
        Value choice = Value::object();
        choice.add("if", std::move(condition));
        choice.add("then", versions.items().size() == 1 ? versions.items()[0] : options);
        choices.append(std::move(choice));
    }
    Value type = stringLike(typePattern(languages).append(kReferencePattern));
    type.add("examples", strings(catalog_.runtimeTypes()));
    Value properties = Value::object();
    properties.add("type", std::move(type));
    Value out = Value::object();
    out.add("type", Value::string("object"));
    out.add("properties", std::move(properties));
    out.add("required", strings({"type"}));
    out.add("allOf", std::move(choices));
    return out;
}

} // namespace

Value configurationSchema(const modules::Catalog &catalog)
{
    Value out = Value::object();
    out.add("$schema", Value::string("https://json-schema.org/draft/2020-12/schema"));
    out.add("title", Value::string("Configuration of Patchbay"));
    Value root = Publisher(catalog).schema(json::read(rootSchemaText()));
    for (Member &member : root.members()) {
        out.add(std::move(member.name), std::move(member.value));
    }
    return out;
}

} // namespace patchbay::control
