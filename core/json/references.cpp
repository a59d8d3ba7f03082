// [control] Finds and expands ${env:...} and ${file:...}: see references.hpp.
#include "json/references.hpp"

#include "base/error.hpp"
#include "json/location.hpp"
#include "json/reader.hpp"
#include "json/schema.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace patchbay::json {

namespace {

constexpr std::string_view kEscape = "$${";
constexpr std::string_view kEnvironment = "${env:";
constexpr std::string_view kFile = "${file:";
constexpr std::string_view kDefault = ":-";

// A document may name one large file many times.
constexpr std::size_t kMaxAdded = ReadLimits{}.bytes;

constexpr char kEnvironmentForm[] =
    "A reference to an environment variable must read \"${env:NAME}\" or "
    "\"${env:NAME:-default}\"; the name has letters, digits and underscores and does not begin "
    "with a digit.";
constexpr char kFileForm[] =
    "A reference to a file must read \"${file:/path}\", with an absolute path.";

// A part of a string value.
struct Piece {
    enum class Kind : std::uint8_t { text, environment, file, wrong };

    Kind kind = Kind::text;
    std::string_view text; // itself, or a variable's name, or a file's path; wrong: what is wrong
    std::optional<std::string_view> fallback; // of a variable
};

Piece environmentPiece(std::string_view body)
{
    const auto isNameByte = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    const auto nameEnd = std::find_if_not(body.begin(), body.end(), isNameByte);
    const auto size = static_cast<std::size_t>(nameEnd - body.begin());
    const std::string_view name = body.substr(0, size);
    const std::string_view rest = body.substr(size);
    const bool named = !name.empty() && (name[0] < '0' || name[0] > '9');
    if (!named || !(rest.empty() || rest.starts_with(kDefault))) {
        return {Piece::Kind::wrong, kEnvironmentForm, {}};
    }
    Piece piece{Piece::Kind::environment, name, {}};
    if (!rest.empty()) {
        piece.fallback = rest.substr(kDefault.size());
    }
    return piece;
}

Piece filePiece(std::string_view path)
{
    const bool usable = path.starts_with('/') && path.find('\0') == std::string_view::npos;
    return {usable ? Piece::Kind::file : Piece::Kind::wrong, usable ? path : kFileForm, {}};
}

// The first piece of text, which is not empty; it is taken off text.
Piece takePiece(std::string_view &text)
{
    if (text.starts_with(kEscape)) {
        const Piece piece{Piece::Kind::text, text.substr(1, 2), {}};
        text.remove_prefix(kEscape.size());
        return piece;
    }
    const bool file = text.starts_with(kFile);
    if (!file && !text.starts_with(kEnvironment)) {
        const Piece piece{Piece::Kind::text, text.substr(0, text.find('$', 1)), {}};
        text.remove_prefix(piece.text.size());
        return piece;
    }
    text.remove_prefix(file ? kFile.size() : kEnvironment.size());
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos) {
        text = {};
        return {Piece::Kind::wrong, file ? kFileForm : kEnvironmentForm, {}};
    }
    const std::string_view body = text.substr(0, end);
    text.remove_prefix(end + 1);
    return file ? filePiece(body) : environmentPiece(body);
}

bool isUtf8(std::string_view text)
{
    while (!text.empty()) {
        const std::size_t size = utf8Length(text);
        if (size == 0) {
            return false;
        }
        text.remove_prefix(size);
    }
    return true;
}

std::string about(std::string_view before, std::string_view name, std::string_view after)
{
    return std::string(before).append("\"").append(name).append("\"").append(after);
}

class Expander {
public:
    explicit Expander(const References &references) : references_(references) {}

    void value(Value &value);
    std::vector<Problem> take() { return report_.take(); }

private:
    void string(Value &value);
    // What is put in its place; nothing: fault_ says why.
    std::optional<std::string> replacement(const Piece &piece);
    std::optional<std::string> variable(const Piece &piece);
    std::optional<std::string> content(const std::string &path);
    std::nullopt_t fail(std::string fault)
    {
        fault_ = std::move(fault);
        return std::nullopt;
    }

    const References &references_;
    Report report_;
    std::string fault_;
    std::size_t added_ = 0; // bytes, by all references
};

std::optional<std::string> Expander::variable(const Piece &piece)
{
    const std::string name(piece.text);
    std::optional<std::string> value = references_.environment(name);
    if ((!value || value->empty()) && piece.fallback) {
        return std::string(*piece.fallback);
    }
    if (!value) {
        return fail(about("The environment variable ", name, " is not set and has no default."));
    }
    if (!isUtf8(*value)) {
        return fail(about("The environment variable ", name, " is not valid UTF-8."));
    }
    return value;
}

std::optional<std::string> Expander::content(const std::string &path)
{
    std::string text;
    try {
        text = references_.file(path);
    } catch (const Error &error) {
        return fail(error.what());
    }
    if (text.find('\0') != std::string::npos) {
        return fail(about("The file ", path, " must not contain null character."));
    }
    if (!isUtf8(text)) {
        return fail(about("The file ", path, " is not valid UTF-8."));
    }
    if (text.ends_with('\n')) {
        text.resize(text.size() - (text.ends_with("\r\n") ? 2 : 1));
    }
    return text;
}

std::optional<std::string> Expander::replacement(const Piece &piece)
{
    if (piece.kind == Piece::Kind::wrong) {
        return fail(std::string(piece.text));
    }
    std::optional<std::string> text =
        piece.kind == Piece::Kind::file ? content(std::string(piece.text)) : variable(piece);
    added_ += text ? text->size() : 0;
    if (added_ > kMaxAdded) {
        return fail("The references of the configuration add up to more than " +
                    std::to_string(kMaxAdded) + " bytes.");
    }
    return text;
}

void Expander::string(Value &value)
{
    std::string_view rest = value.text();
    if (rest.find("${") == std::string_view::npos) {
        return;
    }
    std::string expanded;
    while (!rest.empty()) {
        const Piece piece = takePiece(rest);
        if (piece.kind == Piece::Kind::text) {
            expanded += piece.text;
        } else if (const std::optional<std::string> text = replacement(piece)) {
            expanded += *text;
        } else {
            report_.add(std::move(fault_), value.offset());
            return;
        }
    }
    const std::size_t offset = value.offset();
    value = Value::string(std::move(expanded));
    value.setOffset(offset);
}

void Expander::value(Value &value)
{
    if (report_.full()) {
        return;
    }
    if (value.isString()) {
        string(value);
        return;
    }
    const std::size_t size = report_.pointer().size();
    for (std::size_t i = 0; i < value.items().size(); ++i) {
        report_.enter(std::to_string(i));
        this->value(value.items()[i]);
        report_.leave(size);
    }
    for (Member &member : value.members()) {
        report_.enter(member.name);
        this->value(member.value);
        report_.leave(size);
    }
}

void collectFiles(const Value &value, std::set<std::string> &paths)
{
    for (std::string_view rest = value.isString() ? value.text() : std::string_view();
         !rest.empty();) {
        const Piece piece = takePiece(rest);
        if (piece.kind == Piece::Kind::file) {
            paths.emplace(piece.text);
        }
    }
    for (const Value &item : value.items()) {
        collectFiles(item, paths);
    }
    for (const Member &member : value.members()) {
        collectFiles(member.value, paths);
    }
}

} // namespace

std::set<std::string> fileReferences(const Value &root)
{
    std::set<std::string> paths;
    collectFiles(root, paths);
    return paths;
}

std::optional<std::string> environmentVariable(const std::string &name)
{
    const char *value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

std::vector<Problem> expand(Value &root, const References &references)
{
    Expander expander(references);
    expander.value(root);
    return expander.take();
}

} // namespace patchbay::json
