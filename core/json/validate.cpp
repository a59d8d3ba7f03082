// [any] Checks a value against a schema, with Unit's texts: see schema.hpp.
#include "json/location.hpp"
#include "json/nearest.hpp"
#include "json/schema.hpp"
#include "json/schema_node.hpp"
#include "json/writer.hpp"

#include <algorithm>

namespace patchbay::json {

Problem &Report::add(std::string detail, std::size_t offset)
{
    Problem problem;
    problem.detail = std::move(detail);
    problem.pointer = pointer_;
    problem.offset = offset;
    if (full()) {
        overflow_ = std::move(problem);
        return overflow_;
    }
    return problems_.emplace_back(std::move(problem));
}

Problem &Report::addAt(std::string_view name, std::string detail, std::size_t offset)
{
    const std::size_t size = pointer_.size();
    enter(name);
    Problem &problem = add(std::move(detail), offset);
    leave(size);
    return problem;
}

void Report::enter(std::string_view name)
{
    appendPointer(pointer_, name);
}

namespace {

bool hasNull(std::string_view text)
{
    return text.find('\0') != std::string_view::npos;
}

// `"name"` between two pieces of text.
std::string about(std::string_view before, std::string_view name, std::string_view after)
{
    std::string text;
    text.reserve(before.size() + name.size() + after.size() + 2);
    text.append(before).append("\"").append(name).append("\"").append(after);
    return text;
}

// "a", "a or b", "a, b, or c"
std::string alternatives(const std::vector<std::string> &words)
{
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) {
            text += words.size() > 2 ? ", " : " ";
            text += i + 1 == words.size() ? "or " : "";
        }
        text += words[i];
    }
    return text;
}

std::string kindNames(KindSet kinds)
{
    std::vector<std::string> names;
    for (unsigned kind = 0; kind <= static_cast<unsigned>(Kind::object); ++kind) {
        if ((kinds >> kind & 1u) != 0) {
            names.emplace_back(kindName(static_cast<Kind>(kind)));
        }
    }
    return (names.size() > 1 ? "either " : "") + alternatives(names);
}

std::string join(const std::vector<std::string> &parts)
{
    std::string text;
    for (const std::string &part : parts) {
        text += (text.empty() ? "" : ",") + part;
    }
    return text;
}

// A string where a number with a unit is wanted was meant to be one (units.hpp).
void suggestUnit(const SchemaNode &node, const Value &value, Problem &problem)
{
    if (node.quantity != Quantity::none && value.isString()) {
        problem.known = quantityExamples(node.quantity);
    }
}

class Validator {
public:
    Validator(Report &report, Rules *rules) : report_(report), rules_(rules) {}

    void value(const SchemaNode &node, const Value &value, std::string_view name);

private:
    bool checkKind(const SchemaNode &node, const Value &value, std::string_view name);
    void string(const SchemaNode &node, const Value &value, std::string_view name);
    void number(const SchemaNode &node, const Value &value, std::string_view name);
    void array(const SchemaNode &node, const Value &value, std::string_view name);
    void object(const SchemaNode &node, const Value &value);
    void member(const SchemaNode &node, const Member &member);
    void unknown(const SchemaNode &node, const Member &member);
    bool called(const SchemaNode &node, const Member &member);

    Report &report_;
    Rules *rules_;
};

bool Validator::checkKind(const SchemaNode &node, const Value &value, std::string_view name)
{
    if (node.kinds == 0 || (node.kinds & kindBit(value.kind())) != 0) {
        return true;
    }
    const std::string rest = " must be " + kindNames(node.kinds) + ", but not " +
                             std::string(kindName(value.kind())) + ".";
    Problem &problem = report_.add(report_.pointer().empty() ? "The configuration" + rest
                                                             : about("The ", name, " value" + rest),
                                   value.offset());
    suggestUnit(node, value, problem);
    return false;
}

void Validator::string(const SchemaNode &node, const Value &value, std::string_view name)
{
    const std::string &text = value.text();
    if (hasNull(text)) {
        report_.add(about("The ", name, " value must not contain null character."), value.offset());
        return;
    }
    const std::vector<std::string> &allowed = node.enumeration;
    if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), text) == allowed.end()) {
        std::vector<std::string> quoted;
        quoted.reserve(allowed.size());
        for (const std::string &word : allowed) {
            quoted.push_back(quote(word));
        }
        const std::string_view verb = allowed.size() > 1 ? " can either be " : " can only be ";
        Problem &problem = report_.add(
            about("The ", name, std::string(verb) + alternatives(quoted) + "."), value.offset());
        problem.suggestion = nearest(text, allowed);
        problem.allowed = "[" + join(quoted) + "]";
        return;
    }
    if (!text.starts_with(node.beginning)) {
        report_.add(
            about("The ", name, " must be a string beginning with " + quote(node.beginning) + "."),
            value.offset());
        return;
    }
    const std::vector<std::string> &unbuilt = node.unbuiltValues;
    if (std::find(unbuilt.begin(), unbuilt.end(), text) != unbuilt.end()) {
        report_.add(about("Patchbay is built without support of the value ", text,
                          about(" of the ", name, " option.")),
                    value.offset());
    }
}

void Validator::number(const SchemaNode &node, const Value &value, std::string_view name)
{
    const double number = value.asDouble();
    std::string rest;
    if (node.minimum && number < node.minimum->value) {
        rest = node.minimum->value == 0
                   ? " number must not be negative."
                   : " number must be equal to or greater than " + node.minimum->text + ".";
    } else if (node.maximum && number > node.maximum->value) {
        rest = " number must not exceed " + node.maximum->text + ".";
    } else {
        return;
    }
    Problem &problem = report_.add(about("The ", name, rest), value.offset());
    std::vector<std::string> bounds;
    if (node.minimum) {
        bounds.push_back("\"minimum\":" + node.minimum->text);
    }
    if (node.maximum) {
        bounds.push_back("\"maximum\":" + node.maximum->text);
    }
    problem.allowed = "{" + join(bounds) + "}";
}

void Validator::array(const SchemaNode &node, const Value &array, std::string_view name)
{
    if (node.items == nullptr) {
        return;
    }
    const KindSet kinds = node.items->kinds;
    for (std::size_t i = 0; i < array.items().size() && !report_.full(); ++i) {
        const Value &item = array.items()[i];
        const std::size_t size = report_.pointer().size();
        report_.enter(std::to_string(i));
        if (kinds != 0 && (kinds & kindBit(item.kind())) == 0) {
            // "a string" -> "string": the names without their article.
            const std::string wanted = kindNames(kinds);
            const std::size_t article = wanted.find(' ');
            Problem &problem = report_.add(
                about("The ", name,
                      " array must contain only " + wanted.substr(article + 1) + " values."),
                item.offset());
            suggestUnit(*node.items, item, problem);
        } else if (item.isString() && hasNull(item.text())) {
            report_.add(about("The ", name, " array must not contain strings with null character."),
                        item.offset());
        } else {
            value(*node.items, item, name);
        }
        report_.leave(size);
    }
}

void Validator::unknown(const SchemaNode &node, const Member &member)
{
    Problem &problem =
        report_.add(about("Unknown parameter ", member.name, "."), member.nameOffset);
    problem.suggestion = nearest(member.name, node.names);
    problem.known = node.known;
}

void Validator::member(const SchemaNode &node, const Member &member)
{
    if (const SchemaNode *property = node.property(member.name)) {
        if (property->unbuilt) {
            report_.add(about("Patchbay is built without the ", member.name, " option support."),
                        member.nameOffset);
        } else {
            value(*property, member.value, member.name);
        }
    } else if (node.additional != nullptr) {
        if (hasNull(member.name)) {
            report_.add(about("The name ", member.name, " must not contain null character."),
                        member.nameOffset);
            return;
        }
        if (node.called.empty() || called(node, member)) {
            value(*node.additional, member.value, member.name);
        }
    } else if (node.closed) {
        unknown(node, member);
    }
}

// Names and kinds of members with a word of their own. False: something is wrong with it.
bool Validator::called(const SchemaNode &node, const Member &member)
{
    const KindSet kinds = node.additional->kinds;
    if (member.name.empty()) {
        report_.add("The " + node.called + " name must not be empty.", member.nameOffset);
    } else if (kinds != 0 && (kinds & kindBit(member.value.kind())) == 0) {
        report_.add(about("The ", member.name, " " + node.called + " must be " + kindNames(kinds)) +
                        ".",
                    member.value.offset());
    } else {
        return true;
    }
    return false;
}

void Validator::object(const SchemaNode &node, const Value &object)
{
    for (const std::string &name : node.required) {
        if (object.find(name) == nullptr) {
            report_.add(about("Required parameter ", name, " is missing."), object.offset());
        }
    }
    for (const Member &each : object.members()) {
        if (report_.full()) {
            return;
        }
        const std::size_t size = report_.pointer().size();
        report_.enter(each.name);
        member(node, each);
        report_.leave(size);
    }
}

void Validator::value(const SchemaNode &node, const Value &value, std::string_view name)
{
    const std::size_t before = report_.size();
    if (!checkKind(node, value, name)) {
        return;
    }
    if (!node.select.empty()) {
        const Schema *chosen =
            rules_ != nullptr ? rules_->select(node.select, name, value, report_) : nullptr;
        if (chosen != nullptr) {
            chosen->validate(value, name, report_, rules_);
        }
        return;
    }
    switch (value.kind()) {
    case Kind::string:
        string(node, value, name);
        break;
    case Kind::integer:
    case Kind::fraction:
        number(node, value, name);
        break;
    case Kind::array:
        array(node, value, name);
        break;
    case Kind::object:
        object(node, value);
        break;
    case Kind::null:
    case Kind::boolean:
        break;
    }
    if (!node.rule.empty() && rules_ != nullptr && report_.size() == before && !report_.full()) {
        rules_->check(node.rule, name, value, report_);
    }
}

} // namespace

void Schema::validate(const Value &value, std::string_view name, Report &report, Rules *rules) const
{
    Validator(report, rules).value(*node_, value, name);
}

std::vector<Problem> Schema::validate(const Value &document, Rules *rules) const
{
    Report report;
    validate(document, "", report, rules);
    return report.take();
}

} // namespace patchbay::json
