// [any] JSON text -> Value. RapidJSON splits the text into events; this builds the tree from them
// and adds what RapidJSON does not do: duplicate names, bounds, places, and the error texts that
// control-api.md 3.3 wants (scan.cpp reads the text again where RapidJSON stopped).
#include "json/reader.hpp"

#include "json/scan.hpp"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <optional>
#include <unordered_set>

namespace patchbay::json {

namespace {

constexpr char kBom[] = "\xEF\xBB\xBF";
// Names of an object are compared one by one up to this many, then hashed.
constexpr std::size_t kLinearMembers = 16;

constexpr unsigned kParseFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseCommentsFlag |
                                 rapidjson::kParseTrailingCommasFlag |
                                 rapidjson::kParseNumbersAsStringsFlag |
                                 rapidjson::kParseValidateEncodingFlag;

// An object or array whose end has not come yet.
struct Frame {
    Value value;
    std::string name; // of the member being read
    std::size_t nameOffset = 0;
    std::unordered_set<std::string> names; // filled above kLinearMembers
};

// RapidJSON's handler. Each event returns false to stop; error_ says why.
class Builder {
public:
    Builder(std::string_view text, const rapidjson::MemoryStream &stream, const ReadLimits &limits,
            std::size_t base)
        : text_(text), stream_(stream), limits_(limits), base_(base)
    {
    }

    bool Null() { return scalar(Value(), stream_.Tell() - 4); }
    bool Bool(bool value)
    {
        return scalar(Value::boolean(value), stream_.Tell() - (value ? 4 : 5));
    }
    bool RawNumber(const char *, rapidjson::SizeType, bool);
    bool String(const char *data, rapidjson::SizeType size, bool);
    bool StartObject() { return open(Value::object(), After::objectOpen); }
    bool Key(const char *data, rapidjson::SizeType size, bool);
    bool EndObject(rapidjson::SizeType) { return close(); }
    bool StartArray() { return open(Value::array(), After::arrayOpen); }
    bool EndArray(rapidjson::SizeType) { return close(); }
    // Numbers come as text; RapidJSON still wants these to exist.
    bool Int(int) { return false; }
    bool Uint(unsigned) { return false; }
    bool Int64(std::int64_t) { return false; }
    bool Uint64(std::uint64_t) { return false; }
    bool Double(double) { return false; }

    Value finish(bool parsed);

private:
    bool scalar(Value value, std::size_t offset);
    bool open(Value value, After after);
    bool close();
    void place(Value value);
    bool addName(std::string name, std::size_t offset);
    bool isSurrogateFree(std::string_view decoded, std::size_t quote);
    std::size_t stringStart() const;
    bool stop(ReadError error);

    std::string_view text_;
    const rapidjson::MemoryStream &stream_;
    ReadLimits limits_;
    std::size_t base_; // added to the offsets that go into values
    std::vector<Frame> open_;
    Value root_;
    std::size_t values_ = 0;
    After after_ = After::nothing;
    std::size_t end_ = 0; // of the last event's token
    std::optional<ReadError> error_;
};

bool Builder::stop(ReadError error)
{
    error_ = std::move(error);
    return false;
}

// The opening quote of the string that ends where the stream is: the nearest quote before it that
// no backslash escapes. Inside a string every quote is escaped, outside none is.
std::size_t Builder::stringStart() const
{
    std::size_t quote = stream_.Tell() - 1;
    for (;;) {
        quote = text_.rfind('"', quote - 1);
        std::size_t slashes = 0;
        while (slashes < quote && text_[quote - 1 - slashes] == '\\') {
            ++slashes;
        }
        if (slashes % 2 == 0) {
            return quote;
        }
    }
}

// RapidJSON 1.1.0 lets a lone low surrogate (\uDC00) pass.
bool Builder::isSurrogateFree(std::string_view decoded, std::size_t quote)
{
    for (std::size_t at = decoded.find('\xED'); at != std::string_view::npos;
         at = decoded.find('\xED', at + 1)) {
        if (at + 1 < decoded.size() && static_cast<unsigned char>(decoded[at + 1]) >= 0xA0) {
            return stop(explain(text_, After::arrayOpen, quote));
        }
    }
    return true;
}

void Builder::place(Value value)
{
    if (open_.empty()) {
        root_ = std::move(value);
        after_ = After::root;
        return;
    }
    Frame &frame = open_.back();
    if (frame.value.isObject()) {
        frame.value.add(std::move(frame.name), std::move(value), frame.nameOffset);
        after_ = After::member;
    } else {
        frame.value.append(std::move(value));
        after_ = After::item;
    }
}

bool Builder::scalar(Value value, std::size_t offset)
{
    if (++values_ > limits_.values) {
        return stop({"The JSON payload has too many values.  At most " +
                         std::to_string(limits_.values) + " are supported.",
                     offset});
    }
    value.setOffset(base_ + offset);
    place(std::move(value));
    end_ = stream_.Tell();
    return true;
}

bool Builder::open(Value value, After after)
{
    const std::size_t offset = stream_.Tell(); // brackets are reported before they are consumed
    if (open_.size() >= limits_.depth) {
        return stop({"The JSON payload is nested too deeply.  At most " +
                         std::to_string(limits_.depth) + " levels are supported.",
                     offset});
    }
    if (++values_ > limits_.values) {
        return stop({"The JSON payload has too many values.  At most " +
                         std::to_string(limits_.values) + " are supported.",
                     offset});
    }
    value.setOffset(base_ + offset);
    Frame &frame = open_.emplace_back();
    frame.value = std::move(value);
    after_ = after;
    end_ = offset + 1;
    return true;
}

bool Builder::close()
{
    Value value = std::move(open_.back().value);
    value.shrink();
    open_.pop_back();
    place(std::move(value));
    end_ = stream_.Tell() + 1;
    return true;
}

bool Builder::RawNumber(const char *, rapidjson::SizeType, bool)
{
    // The text itself is what counts: the number begins where the digits before the stream's place
    // do, and may be longer than what RapidJSON took (01).
    std::size_t begin = stream_.Tell();
    while (begin > 0 &&
           std::string_view("0123456789+-.eE").find(text_[begin - 1]) != std::string_view::npos) {
        --begin;
    }
    try {
        bool whole = false;
        const std::size_t end = checkNumber(text_, begin, whole);
        return scalar(Value::number(whole ? Kind::integer : Kind::fraction,
                                    std::string(text_.substr(begin, end - begin))),
                      begin);
    } catch (const ReadError &error) {
        return stop(error);
    }
}

bool Builder::String(const char *data, rapidjson::SizeType size, bool)
{
    const std::size_t quote = stringStart();
    return isSurrogateFree({data, size}, quote) &&
           scalar(Value::string(std::string(data, size)), quote);
}

bool Builder::addName(std::string name, std::size_t offset)
{
    Frame &frame = open_.back();
    const std::vector<Member> &members = frame.value.members();
    bool known = false;
    if (members.size() < kLinearMembers) {
        known = frame.value.find(name) != nullptr;
    } else {
        if (frame.names.empty()) {
            for (const Member &member : members) {
                frame.names.insert(member.name);
            }
        }
        known = !frame.names.insert(name).second;
    }
    if (known) {
        return stop(
            {"Duplicate object member.  All JSON object members must have unique names.", offset});
    }
    frame.name = std::move(name);
    frame.nameOffset = base_ + offset;
    return true;
}

bool Builder::Key(const char *data, rapidjson::SizeType size, bool)
{
    const std::size_t quote = stringStart();
    if (!isSurrogateFree({data, size}, quote) || !addName(std::string(data, size), quote)) {
        return false;
    }
    after_ = After::name;
    end_ = stream_.Tell();
    return true;
}

// parsed: RapidJSON found nothing wrong. It takes a NUL for the end of the text, and a line comment
// needs no line break at the end for it.
Value Builder::finish(bool parsed)
{
    if (error_) {
        throw *error_;
    }
    if (!parsed || after_ != After::root || skipSpace(text_, end_) != text_.size()) {
        throw explain(text_, after_, end_);
    }
    return std::move(root_);
}

} // namespace

std::string_view withoutBom(std::string_view text) noexcept
{
    return text.starts_with(kBom) ? text.substr(3) : text;
}

Value read(std::string_view text, const ReadLimits &limits, std::size_t base)
{
    text = withoutBom(text);
    if (text.size() > limits.bytes) {
        throw ReadError("The JSON payload is too large.  At most " + std::to_string(limits.bytes) +
                            " bytes are supported.",
                        limits.bytes);
    }
    rapidjson::MemoryStream stream(text.data(), text.size());
    rapidjson::Reader reader;
    Builder builder(text, stream, limits, base);
    const rapidjson::ParseResult result = reader.Parse<kParseFlags>(stream, builder);
    return builder.finish(!result.IsError());
}

} // namespace patchbay::json
