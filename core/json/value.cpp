// [any] The JSON tree: see value.hpp.
#include "json/value.hpp"

#include <charconv>
#include <utility>

namespace patchbay::json {

std::string_view kindName(Kind kind) noexcept
{
    switch (kind) {
    case Kind::null:
        return "a null";
    case Kind::boolean:
        return "a boolean";
    case Kind::integer:
        return "an integer number";
    case Kind::fraction:
        return "a fractional number";
    case Kind::string:
        return "a string";
    case Kind::array:
        return "an array";
    case Kind::object:
        break;
    }
    return "an object";
}

Value Value::boolean(bool value)
{
    Value result;
    result.kind_ = Kind::boolean;
    result.boolean_ = value;
    return result;
}

Value Value::integer(std::int64_t value)
{
    return number(Kind::integer, std::to_string(value));
}

Value Value::number(Kind kind, std::string text)
{
    Value result;
    result.kind_ = kind;
    result.text_ = std::move(text);
    return result;
}

Value Value::string(std::string text)
{
    Value result;
    result.kind_ = Kind::string;
    result.text_ = std::move(text);
    return result;
}

Value Value::array()
{
    Value result;
    result.kind_ = Kind::array;
    return result;
}

Value Value::object()
{
    Value result;
    result.kind_ = Kind::object;
    return result;
}

std::int64_t Value::asInteger() const noexcept
{
    std::int64_t exact = 0;
    const char *end = text_.data() + text_.size();
    if (const auto [stop, error] = std::from_chars(text_.data(), end, exact);
        error == std::errc() && stop == end) {
        return exact;
    }
    // Written as 10.0 or 1e1. The reader made sure that it is whole and below 2^63.
    return static_cast<std::int64_t>(asDouble());
}

double Value::asDouble() const noexcept
{
    double result = 0;
    std::from_chars(text_.data(), text_.data() + text_.size(), result);
    return result;
}

const Value *Value::find(std::string_view name) const noexcept
{
    for (const Member &member : members_) {
        if (member.name == name) {
            return &member.value;
        }
    }
    return nullptr;
}

Value *Value::find(std::string_view name) noexcept
{
    return const_cast<Value *>(std::as_const(*this).find(name));
}

std::string_view Value::stringOf(std::string_view name) const noexcept
{
    const Value *value = find(name);
    return value != nullptr && value->isString() ? std::string_view(value->text_)
                                                 : std::string_view();
}

void Value::append(Value item)
{
    items_.push_back(std::move(item));
}

void Value::add(std::string name, Value value, std::size_t nameOffset)
{
    members_.push_back(Member{std::move(name), nameOffset, std::move(value)});
}

void Value::shrink()
{
    items_.shrink_to_fit();
    members_.shrink_to_fit();
}

} // namespace patchbay::json
