// [any] Names what is wrong with a JSON text: see scan.hpp.
#include "json/scan.hpp"

#include "json/location.hpp"

#include <charconv>
#include <cmath>
#include <optional>

namespace patchbay::json {

namespace {

constexpr std::size_t kMaxNumber = 14; // characters (control-api.md 3.1)

constexpr char kValueForms[] =
    "It must be either a literal (null, true, or false), a number, a string (in double quotes "
    "\"\"), an array (with brackets []), or an object (with braces {}).";
constexpr char kObjectEnds[] =
    "Unexpected end of JSON payload.  There's an object without a closing brace (}).";
constexpr char kMemberEnds[] =
    "Unexpected end of JSON payload.  There's an object member without a value.";
constexpr char kArrayEnds[] =
    "Unexpected end of JSON payload.  There's an array without a closing bracket (]).";
constexpr char kStringEnds[] =
    "Unexpected end of JSON payload.  There's a string without a final double quote (\").";
constexpr char kNameExpected[] =
    "A double quote (\") is expected here.  There must be a valid JSON object member starts with a "
    "name, which is a string enclosed in double quotes.";
constexpr char kColonExpected[] =
    "A colon (:) is expected here.  There must be a colon after a JSON member name.";
constexpr char kObjectContinues[] =
    "Either a closing brace (}) or a comma (,) is expected here.  Each JSON object must be "
    "enclosed in braces and its members must be separated by commas.";
constexpr char kArrayContinues[] =
    "Either a closing bracket (]) or a comma (,) is expected here.  Each array must be enclosed in "
    "brackets and its members must be separated by commas.";
constexpr char kTrailing[] = "Unexpected character after the end of a valid JSON value.";
constexpr char kBadHex[] =
    "Invalid escape sequence.  An escape sequence in a JSON string must start with a backslash, "
    "followed by the lowercase letter u, followed by four hexadecimal digits (\\uXXXX).";
constexpr char kBadEscape[] = "Unexpected backslash.  A literal backslash in a JSON string must be "
                              "escaped with a second backslash (\\\\).";
constexpr char kControl[] =
    "Unexpected character.  All control characters in a JSON string must be escaped.";
constexpr char kLoneSurrogate[] = "Invalid JSON encoding sequence.  This 6-byte sequence does not "
                                  "represent a valid UTF character.";
constexpr char kBadPair[] = "Invalid JSON encoding sequence.  This 12-byte sequence composes an "
                            "illegal UTF-16 surrogate pair.";
constexpr char kNotUtf8[] =
    "Invalid JSON encoding sequence.  The byte here is not part of a valid UTF-8 character.";
constexpr char kRange[] =
    "The number is out of representable range.  Such JSON number value is not supported.";

bool isDigit(std::string_view text, std::size_t at)
{
    return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

std::size_t skipDigits(std::string_view text, std::size_t at)
{
    while (isDigit(text, at)) {
        ++at;
    }
    return at;
}

// Four hexadecimal digits at `at`; throws at the first that is none.
unsigned hex4(std::string_view text, std::size_t at)
{
    unsigned unit = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
        if (i == text.size()) {
            throw ReadError(kStringEnds, i);
        }
        unsigned digit = 0;
        if (std::from_chars(&text[i], &text[i] + 1, digit, 16).ec != std::errc()) {
            throw ReadError(kBadHex, i);
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

// A \uXXXX that is half of a surrogate pair must have its other half.
std::optional<ReadError> surrogateError(std::string_view text, std::size_t slash)
{
    const unsigned high = hex4(text, slash + 2);
    if (high < 0xD800 || high > 0xDFFF) {
        return std::nullopt;
    }
    if (high > 0xDBFF || text.substr(slash + 6, 2) != "\\u") {
        return ReadError(kLoneSurrogate, slash);
    }
    const unsigned low = hex4(text, slash + 8);
    return low < 0xDC00 || low > 0xDFFF ? std::optional(ReadError(kBadPair, slash)) : std::nullopt;
}

// Steps over the escape sequence at `slash`.
std::size_t skipEscape(std::string_view text, std::size_t slash)
{
    if (slash + 1 == text.size()) {
        throw ReadError(kStringEnds, slash + 1);
    }
    if (text[slash + 1] == 'u') {
        hex4(text, slash + 2);
        return slash + 6;
    }
    if (std::string_view("\"\\/nrtbf").find(text[slash + 1]) == std::string_view::npos) {
        throw ReadError(kBadEscape, slash);
    }
    return slash + 2;
}

// Surrogates and UTF-8 are judged when the string is known to be complete, as Unit does.
void checkEncoding(std::string_view text, std::size_t begin, std::size_t end)
{
    for (std::size_t at = begin; at < end;) {
        if (text[at] != '\\') {
            const std::size_t length = utf8Length(text.substr(at));
            if (length == 0) {
                throw ReadError(kNotUtf8, at);
            }
            at += length;
            continue;
        }
        if (text[at + 1] == 'u') {
            if (const std::optional<ReadError> error = surrogateError(text, at)) {
                throw *error;
            }
            const unsigned unit = hex4(text, at + 2);
            at += unit >= 0xD800 && unit <= 0xDFFF ? 12 : 6;
        } else {
            at += 2;
        }
    }
}

// A value must be at `at`: says why there is none.
void checkValue(std::string_view text, std::size_t at)
{
    const char c = text[at];
    if (c == '"') {
        checkString(text, at);
        return;
    }
    bool whole = false;
    if (isDigit(text, at) || (c == '-' && isDigit(text, at + 1))) {
        checkNumber(text, at, whole);
        throw ReadError(kRange, at); // 0e400: RapidJSON judges the exponent alone
    }
    throw ReadError(std::string("A valid JSON value is expected here.  ") + kValueForms, at);
}

} // namespace

std::size_t skipSpace(std::string_view text, std::size_t offset) noexcept
{
    std::size_t at = offset;
    while (at < text.size()) {
        const char c = text[at];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            ++at;
            continue;
        }
        std::size_t end = std::string_view::npos;
        if (text.substr(at, 2) == "//") {
            end = text.find('\n', at);
            end = end == std::string_view::npos ? end : end + 1;
        } else if (text.substr(at, 2) == "/*") {
            end = text.find("*/", at + 2);
            end = end == std::string_view::npos ? end : end + 2;
        }
        // RapidJSON takes a NUL for the end of the text, so a comment must not contain one.
        if (end == std::string_view::npos ||
            text.substr(at, end - at).find('\0') != std::string_view::npos) {
            return at;
        }
        at = end;
    }
    return at;
}

std::size_t checkNumber(std::string_view text, std::size_t offset, bool &whole)
{
    const std::size_t digits = text[offset] == '-' ? offset + 1 : offset;
    std::size_t at = skipDigits(text, digits);
    const std::size_t integerEnd = at;
    if (at < text.size() && text[at] == '.') {
        at = skipDigits(text, at + 1);
        if (at == integerEnd + 1) {
            throw ReadError("The number is invalid.  A fraction part in JSON numbers must contain "
                            "at least one digit.",
                            digits);
        }
    }
    if (integerEnd - digits > 1 && text[digits] == '0') {
        throw ReadError("The number is invalid.  Leading zeros are not allowed in JSON numbers.",
                        digits);
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
            ++at;
        }
        if (!isDigit(text, at)) {
            throw ReadError("The number is invalid.  An exponent part in JSON numbers must contain "
                            "at least one digit.",
                            offset);
        }
        at = skipDigits(text, at);
    }
    if (at - offset > kMaxNumber) {
        throw ReadError("The number is too long.  Such a long JSON number value is not supported.",
                        offset);
    }
    double value = 0;
    const auto result = std::from_chars(text.data() + offset, text.data() + at, value);
    if (result.ec != std::errc() || std::fabs(value) >= 0x1p63) {
        throw ReadError(kRange, offset);
    }
    whole = value == std::trunc(value);
    return at;
}

std::size_t checkString(std::string_view text, std::size_t offset)
{
    std::size_t at = offset + 1;
    while (at < text.size() && text[at] != '"') {
        if (text[at] == '\\') {
            at = skipEscape(text, at);
        } else if (static_cast<unsigned char>(text[at]) < 0x20) {
            throw ReadError(kControl, at);
        } else {
            ++at;
        }
    }
    if (at >= text.size()) {
        throw ReadError(kStringEnds, text.size());
    }
    checkEncoding(text, offset + 1, at);
    return at + 1;
}

namespace {

// Behind a comma or an opening brace. Finds nothing wrong only with a name or a closing brace, and
// those RapidJSON reports.
void explainName(std::string_view text, std::size_t at)
{
    at = skipSpace(text, at);
    if (at == text.size()) {
        throw ReadError(kObjectEnds, at);
    }
    if (text[at] != '"') {
        throw ReadError(kNameExpected, at);
    }
    checkString(text, at);
}

void explainMemberValue(std::string_view text, std::size_t at)
{
    at = skipSpace(text, at);
    if (at == text.size()) {
        throw ReadError(kMemberEnds, at);
    }
    if (text[at] != ':') {
        throw ReadError(kColonExpected, at);
    }
    at = skipSpace(text, at + 1);
    if (at == text.size()) {
        throw ReadError(kMemberEnds, at);
    }
    checkValue(text, at);
}

void explainItem(std::string_view text, std::size_t at)
{
    at = skipSpace(text, at);
    if (at == text.size()) {
        throw ReadError(kArrayEnds, at);
    }
    checkValue(text, at);
}

// Behind a value inside a container: a comma, and what must follow it, or the end.
void explainRest(std::string_view text, std::size_t at, bool object)
{
    at = skipSpace(text, at);
    if (at == text.size()) {
        throw ReadError(object ? kObjectEnds : kArrayEnds, at);
    }
    if (text[at] != ',') {
        throw ReadError(object ? kObjectContinues : kArrayContinues, at);
    }
    object ? explainName(text, at + 1) : explainItem(text, at + 1);
}

void explainStart(std::string_view text)
{
    const std::size_t at = skipSpace(text, 0);
    if (at == text.size()) {
        throw ReadError(std::string("An empty JSON payload isn't allowed.  ") + kValueForms, 0);
    }
    checkValue(text, at);
}

void explainAt(std::string_view text, After after, std::size_t offset)
{
    switch (after) {
    case After::nothing:
        return explainStart(text);
    case After::root:
        throw ReadError(kTrailing, skipSpace(text, offset));
    case After::objectOpen:
        return explainName(text, offset);
    case After::name:
        return explainMemberValue(text, offset);
    case After::member:
        return explainRest(text, offset, true);
    case After::arrayOpen:
        return explainItem(text, offset);
    case After::item:
        return explainRest(text, offset, false);
    }
}

} // namespace

ReadError explain(std::string_view text, After after, std::size_t offset)
{
    try {
        explainAt(text, after, offset);
    } catch (const ReadError &error) {
        return error;
    }
    // RapidJSON and this file disagree; refused all the same.
    return {std::string("A valid JSON value is expected here.  ") + kValueForms, offset};
}

} // namespace patchbay::json
