// JSON reader: any bytes either make a value that survives being written and read again, or an
// error that points into the text. A valid token is never called a missing value: then the second
// reading, which names the error, would have understood less than RapidJSON.
#include "check.hpp"
#include "json/location.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

#include <string_view>

namespace {

using namespace patchbay;
using patchbay::fuzz::require;

void checkPlaces(const json::Value &value, std::string_view text)
{
    require(value.offset() < text.size(), "a value lies in the text");
    const char first = text[value.offset()];
    require(!value.isString() || first == '"', "a string begins at its quote");
    require(!value.isObject() || first == '{', "an object begins at its brace");
    require(!value.isArray() || first == '[', "an array begins at its bracket");
    for (const json::Value &item : value.items()) {
        checkPlaces(item, text);
    }
    for (const json::Member &member : value.members()) {
        require(text[member.nameOffset] == '"', "a name begins at its quote");
        require(member.nameOffset < member.value.offset(), "a name is before its value");
        checkPlaces(member.value, text);
    }
}

void checkError(const json::ReadError &error, std::string_view text)
{
    require(error.offset() <= text.size(), "an error lies in the text");
    json::locate(text, error.offset());
    if (std::string_view(error.what()).starts_with("A valid JSON value is expected here.")) {
        require(error.offset() < text.size() &&
                    std::string_view(" \t\r\n{[\"0123456789").find(text[error.offset()]) ==
                        std::string_view::npos,
                "what is no value does not begin like one");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view whole(reinterpret_cast<const char *>(data), size);
    json::ReadLimits limits;
    limits.values = 1000;
    limits.depth = 100;
    const std::string_view text = json::withoutBom(whole);
    try {
        const json::Value value = json::read(whole, limits);
        checkPlaces(value, text);
        const std::string compact = json::writeCompact(value);
        require(json::writeCompact(json::read(compact)) == compact, "writing keeps the value");
        require(json::writeCompact(json::read(json::writePretty(value))) == compact,
                "writing it for people keeps it too");
        const std::string canonical = json::writeCanonical(value);
        require(json::writeCanonical(json::read(compact)) == canonical, "the canonical form stays");
    } catch (const json::ReadError &error) {
        checkError(error, text);
    }
    return 0;
}
