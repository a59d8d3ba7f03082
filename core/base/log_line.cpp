#include "base/log_line.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace patchbay::log {
namespace {

// By Level: its name, and the priority that syslog and the journal know for it.
constexpr std::array<std::string_view, 6> kNames = {"alert",  "error", "warn",
                                                    "notice", "info",  "debug"};
constexpr std::array<char, 6> kPriorities = {'1', '3', '4', '5', '6', '7'};

std::string_view nameOf(Level level) noexcept
{
    return kNames[static_cast<std::size_t>(level)];
}

// Appends to a fixed piece of memory; what does not fit is left out as a whole.
class Appender {
public:
    explicit Appender(std::span<char> room) noexcept : room_(room) {}

    bool add(std::string_view bytes) noexcept
    {
        if (bytes.size() > room_.size() - size_) {
            return false;
        }
        std::copy(bytes.begin(), bytes.end(), room_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += bytes.size();
        return true;
    }
    void addNumber(long number) noexcept
    {
        std::array<char, 24> digits;
        auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
        add({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
    std::size_t size() const noexcept { return size_; }

private:
    std::span<char> room_;
    std::size_t size_ = 0;
};

// `character`: as utf8Length() has found it, or a byte that is none.
bool addEscaped(Appender &line, std::string_view character, bool valid) noexcept
{
    if (!valid) {
        return line.add("\\ufffd");
    }
    switch (character[0]) {
    case '"':
        return line.add("\\\"");
    case '\\':
        return line.add("\\\\");
    case '\n':
        return line.add("\\n");
    case '\r':
        return line.add("\\r");
    case '\t':
        return line.add("\\t");
    default:
        break;
    }
    if (character.size() == 1 && static_cast<unsigned char>(character[0]) < 0x20) {
        char text[8];
        std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(character[0]));
        return line.add(text);
    }
    return line.add(character);
}

// A JSON string; how many bytes of `text` are in it.
std::size_t addString(Appender &line, std::string_view text, std::size_t most) noexcept
{
    std::size_t used = 0;
    std::size_t begin = line.size();
    while (used < text.size() && line.size() - begin < most) {
        std::size_t length = utf8Length(text.substr(used));
        std::string_view character = text.substr(used, std::max<std::size_t>(length, 1));
        if (!addEscaped(line, character, length > 0)) {
            break;
        }
        used += character.size();
    }
    return used;
}

void addPrefix(Appender &line, const LineStyle &style, const LineFacts &facts,
               const std::timespec &now) noexcept
{
    std::tm tm{};
    if (!style.journal) {
        char text[32];
        localtime_r(&now.tv_sec, &tm);
        line.add({text, std::strftime(text, sizeof text, "%Y/%m/%d %H:%M:%S ", &tm)});
    }
    line.add("[");
    line.add(nameOf(facts.level));
    line.add("] ");
    line.addNumber(facts.process);
    line.add("#");
    line.addNumber(facts.thread);
    line.add(" ");
}

void addMembers(Appender &line, const LineFacts &facts, const std::timespec &now) noexcept
{
    std::tm tm{};
    gmtime_r(&now.tv_sec, &tm);
    char text[64];
    line.add({text, std::strftime(text, sizeof text, "{\"time\":\"%Y-%m-%dT%H:%M:%S", &tm)});
    std::snprintf(text, sizeof text, ".%03ldZ", now.tv_nsec / 1'000'000);
    line.add(text);
    line.add("\",\"level\":\"");
    line.add(nameOf(facts.level));
    line.add("\"");
    if (facts.process != 0) {
        line.add(",\"pid\":");
        line.addNumber(facts.process);
        line.add(",\"tid\":");
        line.addNumber(facts.thread);
    }
    if (!facts.application.empty()) {
        constexpr std::size_t kMost = 200; // a long name must leave room for the message
        line.add(",\"application\":\"");
        addString(line, facts.application, kMost);
        line.add("\"");
    }
    line.add(",\"message\":\"");
}

std::size_t addText(Appender &line, std::string_view message) noexcept
{
    std::size_t used = 0;
    for (; used < message.size(); used++) {
        char c = message[used];
        bool forges = c == '\n' || c == '\r' || c == '\0';
        if (!line.add({forges ? " " : &c, 1})) {
            break;
        }
    }
    return used;
}

} // namespace

bool parseLevel(std::string_view text, Level &out) noexcept
{
    const auto *found = std::find(kNames.begin(), kNames.end(), text);
    if (found == kNames.end()) {
        return false;
    }
    out = static_cast<Level>(found - kNames.begin());
    return true;
}

bool parseFormat(std::string_view text, Format &out) noexcept
{
    out = text == "json" ? Format::json : Format::text;
    return text == "json" || text == "text";
}

std::optional<LineFacts> takePrefix(std::string_view &line) noexcept
{
    constexpr std::string_view kShape = "0000/00/00 00:00:00 [";
    auto sameKind = [](char shape, char c) {
        return shape == '0' ? c >= '0' && c <= '9' : shape == c;
    };
    if (line.size() < kShape.size() ||
        !std::equal(kShape.begin(), kShape.end(), line.begin(), sameKind)) {
        return std::nullopt;
    }
    std::string_view rest = line.substr(kShape.size());
    LineFacts facts;
    std::size_t close = std::min(rest.find("] "), rest.size());
    if (!parseLevel(rest.substr(0, close), facts.level)) {
        return std::nullopt;
    }
    rest.remove_prefix(close + 2);
    for (auto [number, after] : {std::pair{&facts.process, '#'}, std::pair{&facts.thread, ' '}}) {
        auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), *number);
        if (error != std::errc() || *number <= 0 || end == rest.data() + rest.size() ||
            *end != after) {
            return std::nullopt;
        }
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()) + 1);
    }
    line = rest;
    return facts;
}

ComposedLine composeLine(std::span<char> room, const LineStyle &style, const LineFacts &facts,
                         const std::timespec &now, std::string_view message) noexcept
{
    const bool json = style.format == Format::json;
    const std::string_view end = json ? "\"}\n" : "\n";
    Appender line(room.first(room.size() - end.size()));
    if (style.journal) {
        const char priority[] = {'<', kPriorities[static_cast<std::size_t>(facts.level)], '>'};
        line.add({priority, sizeof priority});
    }
    if (json) {
        addMembers(line, facts, now);
    } else {
        addPrefix(line, style, facts, now);
    }
    ComposedLine made;
    made.used = json ? addString(line, message, room.size()) : addText(line, message);
    made.size = line.size();
    std::copy(end.begin(), end.end(), room.begin() + static_cast<std::ptrdiff_t>(made.size));
    made.size += end.size();
    return made;
}

} // namespace patchbay::log
