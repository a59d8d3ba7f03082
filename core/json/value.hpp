// [any] A JSON document in memory: what the reader makes and everyone else looks at. Members keep
// their order, numbers their text, and everything its place in the text, so that an error found
// much later can still point at a line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::json {

// Integer: a number with an integer value, however it is written (10, 10.0, 1e1).
enum class Kind : std::uint8_t { null, boolean, integer, fraction, string, array, object };

// "a string", "an integer number": the names of control-api errors.
std::string_view kindName(Kind kind) noexcept;

struct Member;

class Value {
public:
    Value() noexcept = default; // null
    static Value boolean(bool value);
    static Value integer(std::int64_t value);
    static Value number(Kind kind, std::string text); // text as read: "1.0", "1e3"
    static Value string(std::string text);
    static Value array();
    static Value object();

    Kind kind() const noexcept { return kind_; }
    bool isString() const noexcept { return kind_ == Kind::string; }
    bool isArray() const noexcept { return kind_ == Kind::array; }
    bool isObject() const noexcept { return kind_ == Kind::object; }
    bool isInteger() const noexcept { return kind_ == Kind::integer; }

    // Where the value begins: bytes from the start of the text, a leading BOM not counted.
    std::size_t offset() const noexcept { return offset_; }
    void setOffset(std::size_t offset) noexcept { offset_ = offset; }

    bool asBool() const noexcept { return boolean_; }
    // A string's decoded content or a number's text.
    const std::string &text() const noexcept { return text_; }
    // Of Kind::integer; exact, since the reader takes no number it could not represent.
    std::int64_t asInteger() const noexcept;
    double asDouble() const noexcept;

    const std::vector<Value> &items() const noexcept { return items_; }
    const std::vector<Member> &members() const noexcept { return members_; }
    // For those who change a document: members of an object only, items of an array only.
    std::vector<Value> &items() noexcept { return items_; }
    std::vector<Member> &members() noexcept { return members_; }
    // Null if there is no such member, or this is no object. Linear.
    const Value *find(std::string_view name) const noexcept;
    Value *find(std::string_view name) noexcept;
    // Content of a string member; empty if it is absent or no string.
    std::string_view stringOf(std::string_view name) const noexcept;

    void append(Value item);                                             // to an array
    void add(std::string name, Value value, std::size_t nameOffset = 0); // to an object, unchecked
    void shrink(); // it is complete: gives back the room for more items or members

private:
    Kind kind_ = Kind::null;
    bool boolean_ = false;
    std::size_t offset_ = 0;
    std::string text_;
    std::vector<Value> items_;
    std::vector<Member> members_;
};

struct Member {
    std::string name;
    std::size_t nameOffset = 0; // of the name's opening quote
    Value value;
};

} // namespace patchbay::json
