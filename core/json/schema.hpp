// [any] The subset of JSON Schema in which the core and every module declare their options, and its
// validator with Unit's error texts (config.md, top).
//
// Keywords: type, properties, required, additionalProperties (false or a schema), items, enum,
// minimum, maximum; title, description, default, examples, $schema and $id are for people; and
// ours:
//   x-unit     "seconds" or "bytes", on an integer: "30s" or "8m" may be written for it (units.hpp)
//   x-begins   on a string: what it must begin with, as "/"; letters, digits, "/", "-" and "_"
//   x-called   on an object: what errors call its members, which are then no "values": "PHP option"
//   x-unbuilt  true: the option is known but not built in; or an array of such values of an enum
//   x-select   (core only) name of a Rules::select choice: which schema an object follows
//   x-rule     (core only) name of a Rules::check
// Any other keyword is an error when the schema is loaded, so that a module's author finds a typo.
// Strings with a NUL are refused everywhere: sooner or later they reach C (traps.md I11).
#pragma once

#include "base/error.hpp"
#include "json/problem.hpp"
#include "json/value.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace patchbay::json {

struct SchemaNode; // schema_node.hpp: one compiled schema object
class Schema;

// Where a rule is looking, and where it says what it found.
class Report {
public:
    // Adds a problem at the place being looked at. Nothing more is kept after kMaxProblems.
    Problem &add(std::string detail, std::size_t offset);
    // The same one step further down, at member or element `name`.
    Problem &addAt(std::string_view name, std::string detail, std::size_t offset);
    bool full() const noexcept { return problems_.size() >= kMaxProblems; }
    bool empty() const noexcept { return problems_.empty(); }
    std::size_t size() const noexcept { return problems_.size(); }
    const std::string &pointer() const noexcept { return pointer_; }
    std::vector<Problem> take() { return std::move(problems_); }

    void enter(std::string_view name);
    void leave(std::size_t pointerSize) { pointer_.resize(pointerSize); }

private:
    std::string pointer_;
    std::vector<Problem> problems_;
    Problem overflow_; // what add() hands out when full
};

// What a schema cannot say. The core's; modules have schemas only.
class Rules {
public:
    virtual ~Rules() = default;
    // The schema that the object `value`, called `name`, follows; null after reporting why none.
    virtual const Schema *select(std::string_view choice, std::string_view name, const Value &value,
                                 Report &report) = 0;
    // Called for a value that, with everything in it, has passed everything else.
    virtual void check(std::string_view rule, std::string_view name, const Value &value,
                       Report &report) = 0;
};

class Schema {
public:
    enum class Origin : std::uint8_t { core, module }; // modules may not use x-select and x-rule

    // Throws Error: what is wrong with the schema and where in it.
    explicit Schema(std::string_view text, Origin origin = Origin::module);
    explicit Schema(const Value &schema, Origin origin = Origin::module);
    ~Schema();
    Schema(Schema &&) noexcept;
    Schema &operator=(Schema &&) noexcept;

    // Both are schemas of objects: one schema with the members of both, this one's first, required
    // ones united, closed against any other; select and rule are this one's. Throws Error for a
    // name that both declare.
    Schema merged(const Schema &other) const;

    bool declares(std::string_view property) const;
    // The options that each member of this property, an object, may have; none: there is no such
    // property, or its members are not objects with known options.
    std::vector<std::string> optionsBelow(std::string_view property) const;
    // The same schema without these properties.
    Schema without(const std::vector<std::string> &properties) const;

    // Adds to report, in Unit's order: an object's required members first, then its members in
    // document order, depth first. rules may be null when the schema names none.
    void validate(const Value &value, std::string_view name, Report &report,
                  Rules *rules = nullptr) const;
    // The same from the root ("The configuration must be an object, ...").
    std::vector<Problem> validate(const Value &document, Rules *rules = nullptr) const;

private:
    friend void convertUnits(Value &root, const Schema &schema, Rules *rules); // units.hpp

    explicit Schema(std::shared_ptr<const SchemaNode> node);
    std::shared_ptr<const SchemaNode> node_;
};

} // namespace patchbay::json
