// [any] Loads a schema: JSON -> SchemaNode, refusing what it does not understand. See schema.hpp.
#include "json/schema.hpp"

#include "json/location.hpp"
#include "json/reader.hpp"
#include "json/schema_node.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace patchbay::json {

namespace {

std::shared_ptr<SchemaNode> loadNode(const Value &schema, const std::string &place, bool core);

// One keyword of one schema object.
struct Keyword {
    const Value &value;
    std::string place; // JSON pointer into the schema, for messages
    bool core;

    [[noreturn]] void fail(const std::string &what) const
    {
        throw Error("schema at \"" + place + "\": " + what);
    }
    const std::string &string() const
    {
        if (!value.isString()) {
            fail("must be a string");
        }
        return value.text();
    }
    std::vector<std::string> strings() const
    {
        if (!value.isArray()) {
            fail("must be an array of strings");
        }
        std::vector<std::string> result;
        for (const Value &item : value.items()) {
            if (!item.isString()) {
                fail("must be an array of strings");
            }
            result.push_back(item.text());
        }
        return result;
    }
    Bound bound() const
    {
        if (value.kind() != Kind::integer && value.kind() != Kind::fraction) {
            fail("must be a number");
        }
        return {value.asDouble(), value.text()};
    }
    std::shared_ptr<SchemaNode> node() const { return loadNode(value, place, core); }
};

KindSet kindsOf(const Keyword &keyword, std::string_view name)
{
    constexpr KindSet integer = kindBit(Kind::integer);
    constexpr std::array<std::pair<std::string_view, KindSet>, 7> kNames{{
        {"null", kindBit(Kind::null)},
        {"boolean", kindBit(Kind::boolean)},
        {"integer", integer},
        {"number", static_cast<KindSet>(integer | kindBit(Kind::fraction))},
        {"string", kindBit(Kind::string)},
        {"array", kindBit(Kind::array)},
        {"object", kindBit(Kind::object)},
    }};
    for (const auto &[known, kinds] : kNames) {
        if (known == name) {
            return kinds;
        }
    }
    keyword.fail("unknown type \"" + std::string(name) + "\"");
}

void loadType(SchemaNode &node, const Keyword &keyword)
{
    if (keyword.value.isString()) {
        node.kinds = kindsOf(keyword, keyword.string());
        return;
    }
    for (const std::string &name : keyword.strings()) {
        node.kinds = static_cast<KindSet>(node.kinds | kindsOf(keyword, name));
    }
}

void loadProperties(SchemaNode &node, const Keyword &keyword)
{
    if (!keyword.value.isObject()) {
        keyword.fail("must be an object");
    }
    for (const Member &member : keyword.value.members()) {
        std::string place = keyword.place;
        appendPointer(place, member.name);
        node.addProperty(member.name, loadNode(member.value, place, keyword.core));
    }
}

void loadAdditional(SchemaNode &node, const Keyword &keyword)
{
    if (keyword.value.kind() == Kind::boolean) {
        node.closed = !keyword.value.asBool();
        return;
    }
    node.additional = keyword.node();
}

void loadUnbuilt(SchemaNode &node, const Keyword &keyword)
{
    if (keyword.value.kind() == Kind::boolean) {
        node.unbuilt = keyword.value.asBool();
        return;
    }
    node.unbuiltValues = keyword.strings();
}

void loadUnit(SchemaNode &node, const Keyword &keyword)
{
    node.quantity = quantityNamed(keyword.string());
    if (node.quantity == Quantity::none) {
        keyword.fail("must be \"seconds\" or \"bytes\"");
    }
}

// Such characters only as mean themselves in a pattern (json_schema publishes it as one).
void loadBeginning(SchemaNode &node, const Keyword &keyword)
{
    node.beginning = keyword.string();
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '/' || c == '-' || c == '_';
    };
    if (node.beginning.empty() ||
        !std::all_of(node.beginning.begin(), node.beginning.end(), plain)) {
        keyword.fail("must consist of letters, digits, \"/\", \"-\" and \"_\"");
    }
}

// False: there is no such keyword.
bool loadKeyword(SchemaNode &node, std::string_view name, const Keyword &keyword)
{
    if (name == "type") {
        loadType(node, keyword);
    } else if (name == "properties") {
        loadProperties(node, keyword);
    } else if (name == "required") {
        node.required = keyword.strings();
    } else if (name == "additionalProperties") {
        loadAdditional(node, keyword);
    } else if (name == "items") {
        node.items = keyword.node();
    } else if (name == "enum") {
        node.enumeration = keyword.strings();
    } else if (name == "minimum") {
        node.minimum = keyword.bound();
    } else if (name == "maximum") {
        node.maximum = keyword.bound();
    } else if (name == "x-begins") {
        loadBeginning(node, keyword);
    } else if (name == "x-called") {
        node.called = keyword.string();
    } else if (name == "x-unit") {
        loadUnit(node, keyword);
    } else if (name == "x-unbuilt") {
        loadUnbuilt(node, keyword);
    } else if (name == "x-select" && keyword.core) {
        node.select = keyword.string();
    } else if (name == "x-rule" && keyword.core) {
        node.rule = keyword.string();
    } else {
        constexpr std::array<std::string_view, 6> kForPeople{"title",    "description", "default",
                                                             "examples", "$schema",     "$id"};
        return std::find(kForPeople.begin(), kForPeople.end(), name) != kForPeople.end();
    }
    return true;
}

std::shared_ptr<SchemaNode> loadNode(const Value &schema, const std::string &place, bool core)
{
    if (!schema.isObject()) {
        throw Error("schema at \"" + place + "\": must be an object");
    }
    auto node = std::make_shared<SchemaNode>();
    for (const Member &member : schema.members()) {
        std::string inner = place;
        appendPointer(inner, member.name);
        const Keyword keyword{member.value, std::move(inner), core};
        if (!loadKeyword(*node, member.name, keyword)) {
            keyword.fail("unknown keyword");
        }
    }
    for (const std::string &name : node->required) {
        if (node->property(name) == nullptr) {
            std::string message = "schema at \"" + place + "\": the required \"";
            throw Error(message.append(name).append("\" is not among the properties"));
        }
    }
    if (node->quantity != Quantity::none && (node->kinds & kindBit(Kind::integer)) == 0) {
        throw Error("schema at \"" + place + "\": \"x-unit\" is for integers");
    }
    return node;
}

Value parse(std::string_view text)
{
    try {
        return read(text);
    } catch (const ReadError &error) {
        throw Error("schema at offset " + std::to_string(error.offset()) + ": " + error.what());
    }
}

} // namespace

bool SchemaNode::addProperty(const std::string &name, Pointer node)
{
    if (!index.emplace(name, properties.size()).second) {
        return false;
    }
    names.push_back(name);
    if (!node->unbuilt && known.size() < kMaxKnown) {
        known.push_back(name);
    }
    properties.emplace_back(name, std::move(node));
    return true;
}

Schema::Schema(const Value &schema, Origin origin)
    : node_(loadNode(schema, "", origin == Origin::core))
{
}

Schema::Schema(std::string_view text, Origin origin) : Schema(parse(text), origin) {}

Schema::Schema(std::shared_ptr<const SchemaNode> node) : node_(std::move(node)) {}

Schema::~Schema() = default;
Schema::Schema(Schema &&) noexcept = default;
Schema &Schema::operator=(Schema &&) noexcept = default;

bool Schema::declares(std::string_view property) const
{
    return node_->property(property) != nullptr;
}

std::vector<std::string> Schema::optionsBelow(std::string_view property) const
{
    const SchemaNode *node = node_->property(property);
    if (node == nullptr || node->unbuilt || node->additional == nullptr) {
        return {};
    }
    return node->additional->names;
}

Schema Schema::without(const std::vector<std::string> &properties) const
{
    const auto goes = [&](const std::string &name) {
        return std::find(properties.begin(), properties.end(), name) != properties.end();
    };
    auto node = std::make_shared<SchemaNode>(*node_);
    node->properties.clear();
    node->index.clear();
    node->names.clear();
    node->known.clear();
    for (const auto &[name, property] : node_->properties) {
        if (!goes(name)) {
            node->addProperty(name, property);
        }
    }
    std::erase_if(node->required, goes);
    return Schema(std::move(node));
}

Schema Schema::merged(const Schema &other) const
{
    auto node = std::make_shared<SchemaNode>(*node_);
    for (const auto &[name, property] : other.node_->properties) {
        if (!node->addProperty(name, property)) {
            throw Error("schema: the option \"" + name + "\" is declared twice");
        }
    }
    node->required.insert(node->required.end(), other.node_->required.begin(),
                          other.node_->required.end());
    node->kinds = kindBit(Kind::object);
    node->closed = true;
    node->additional = nullptr;
    return Schema(std::move(node));
}

} // namespace patchbay::json
