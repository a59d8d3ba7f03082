#include "router/http/reply_parser.hpp"

#include "router/http/characters.hpp"

#include <algorithm>
#include <cstring>

namespace patchbay::http {
namespace {

template <typename T>
T load(const char *p) noexcept
{
    T value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

// Framing and connection are ours to decide (H16); an upgrade is not the application's to accept.
bool isOurs(std::string_view name) noexcept
{
    switch (name.size()) {
    case 6:
        return equalsIgnoreCase(name, "server");
    case 7:
        return equalsIgnoreCase(name, "upgrade");
    case 10:
        return equalsIgnoreCase(name, "connection") || equalsIgnoreCase(name, "keep-alive");
    case 17:
        return equalsIgnoreCase(name, "transfer-encoding");
    case 20:
        return equalsIgnoreCase(name, "sec-websocket-accept");
    default:
        return false;
    }
}

bool isSafeValue(std::string_view value) noexcept
{
    return std::none_of(value.begin(), value.end(),
                        [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

} // namespace

void ReplyParser::reset(Arena &arena) noexcept
{
    *this = ReplyParser();
    arena_ = &arena;
}

ReplyParser::Outcome ReplyParser::fail(const char *text, std::size_t consumed) noexcept
{
    errorText_ = text;
    return {Result::error, consumed};
}

ReplyParser::Outcome ReplyParser::feed(const char *data, std::size_t size) noexcept
{
    std::size_t used = 0;
    if (total_ == 0) {
        head_ = prefix_;
        used = collect(data, size, ipc::kReplyHeadPrefix);
        if (collected_ < ipc::kReplyHeadPrefix) {
            return {Result::needMore, used};
        }
        if (const char *problem = takePrefix()) {
            return fail(problem, used);
        }
    }
    used += collect(data + used, size - used, total_);
    if (collected_ < total_) {
        return {Result::needMore, used};
    }
    if (const char *problem = parseHead()) {
        return fail(problem, used);
    }
    return {Result::headDone, used};
}

// Copies until there are `until` bytes.
std::size_t ReplyParser::collect(const char *data, std::size_t size, std::uint32_t until) noexcept
{
    std::size_t n = std::min<std::size_t>(size, until - collected_);
    if (n > 0) {
        std::memcpy(head_ + collected_, data, n);
        collected_ += static_cast<std::uint32_t>(n);
    }
    return n;
}

const char *ReplyParser::takePrefix() noexcept
{
    constexpr std::uint32_t kCounted = ipc::kReplyHeadPrefix - sizeof(std::uint32_t);
    const auto block = load<std::uint32_t>(prefix_);
    response_.status = load<std::uint16_t>(prefix_ + 4);
    declaredFields_ = load<std::uint16_t>(prefix_ + 6);
    if (block > ipc::kMaxReplyHead || declaredFields_ > ipc::kMaxReplyFields) {
        return "response head is too large";
    }
    if (block < kCounted + declaredFields_ * ipc::kReplyFieldPrefix) {
        return "response head is malformed";
    }
    if (response_.status < 100 || response_.status > 999) {
        return "response status is not between 100 and 999";
    }
    total_ = static_cast<std::uint32_t>(sizeof(std::uint32_t)) + block;
    head_ = arena_->array<char>(total_);
    std::memcpy(head_, prefix_, sizeof prefix_);
    fields_ = arena_->array<Field>(declaredFields_);
    return nullptr;
}

const char *ReplyParser::parseHead() noexcept
{
    const char *p = head_ + ipc::kReplyHeadPrefix;
    const char *end = head_ + total_;
    for (std::size_t i = 0; i < declaredFields_; i++) {
        if (end - p < static_cast<std::ptrdiff_t>(ipc::kReplyFieldPrefix)) {
            return "response head is malformed";
        }
        std::size_t nameSize = load<std::uint16_t>(p);
        std::size_t valueSize = load<std::uint32_t>(p + 2);
        p += ipc::kReplyFieldPrefix;
        if (nameSize + valueSize > static_cast<std::size_t>(end - p)) {
            return "response head is malformed";
        }
        Field field{{p, nameSize}, {p + nameSize, valueSize}};
        p += nameSize + valueSize;
        if (const char *problem = takeField(field)) {
            return problem;
        }
    }
    if (p != end) {
        return "response head is malformed";
    }
    response_.fields = {fields_, fieldCount_};
    return nullptr;
}

// Keeps the field, acts on it, or leaves it out. Returns what is wrong, or null.
const char *ReplyParser::takeField(const Field &field) noexcept
{
    if (!isToken(field.name) || !isSafeValue(field.value)) {
        leaveOut(field.name);
        return nullptr;
    }
    if (isOurs(field.name)) {
        return nullptr;
    }
    if (equalsIgnoreCase(field.name, "status")) {
        return takeStatus(field.value);
    }
    if (equalsIgnoreCase(field.name, "content-length")) {
        return takeContentLength(field);
    }
    if (equalsIgnoreCase(field.name, "date")) {
        response_.hasDate = true;
    }
    fields_[fieldCount_++] = field;
    return nullptr;
}

// "404" or "404 Not Found".
const char *ReplyParser::takeStatus(std::string_view value) noexcept
{
    std::string_view digits = value.substr(0, 3);
    auto number = parseLength(digits);
    if (digits.size() != 3 || !number || *number < 100 || (value.size() > 3 && value[3] != ' ')) {
        return "Status field of the response is invalid";
    }
    response_.status = static_cast<unsigned>(*number);
    return nullptr;
}

const char *ReplyParser::takeContentLength(const Field &field) noexcept
{
    std::string_view text = trimBlanks(field.value);
    auto length = parseLength(text);
    if (!length) {
        return "Content-Length of the response is invalid";
    }
    if (response_.contentLength) {
        // Said twice, but the same: once is enough.
        return *response_.contentLength == *length ? nullptr
                                                   : "two Content-Length in the response differ";
    }
    response_.contentLength = length;
    fields_[fieldCount_++] = {field.name, text};
    return nullptr;
}

void ReplyParser::leaveOut(std::string_view name) noexcept
{
    if (unsafeFields_++ == 0) {
        firstUnsafeName_ = name;
    }
}

} // namespace patchbay::http
