#include "router/http/request_parser.hpp"

#include "router/http/characters.hpp"
#include "router/http/request_target.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace patchbay::http {
namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kFirstFields = 32; // room taken at first; a browser sends about 15

std::string_view skipSpaces(std::string_view text) noexcept
{
    while (text.starts_with(' ')) {
        text.remove_prefix(1);
    }
    return text;
}

pb_str toStr(std::string_view text) noexcept
{
    return {text.data(), text.size()};
}

} // namespace

void RequestParser::reset(const Settings &settings, Arena &arena) noexcept
{
    std::construct_at(this); // nothing in here has a destructor
    settings_ = &settings;
    arena_ = &arena;
}

bool RequestParser::fail(unsigned status) noexcept
{
    status_ = status;
    state_ = State::failed;
    return false;
}

RequestParser::Result RequestParser::feed(const char *data, std::size_t size) noexcept
{
    if (data != base_) {
        rebase(data);
    }
    const std::size_t lineLimit = settings_->largeHeaderBufferSize;
    const std::uint64_t blockLimit = settings_->headerBlockLimit();
    while (state_ < State::done && searched_ < size) {
        const void *found = std::memchr(data + searched_, '\n', size - searched_);
        std::size_t start = position_;
        if (found == nullptr) {
            searched_ = size;
            // The line may still turn out to end with a CR that does not count.
            if (size > blockLimit || size - start > lineLimit + 1) {
                fail(431);
            }
            break;
        }
        std::size_t end = static_cast<std::size_t>(static_cast<const char *>(found) - data);
        std::string_view line{data + start, end - start};
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        position_ = searched_ = end + 1;
        if (line.size() > lineLimit || position_ > blockLimit) {
            fail(431);
        } else {
            parseLine(line);
        }
    }
    switch (state_) {
    case State::done:
        return Result::done;
    case State::failed:
        return Result::error;
    default:
        return Result::needMore;
    }
}

// The buffer moved: what points into the old one follows. Rare, a buffer grows by doubling.
void RequestParser::rebase(const char *data) noexcept
{
    const auto old = reinterpret_cast<std::uintptr_t>(base_);
    auto moved = [this, data, old](const char *p) {
        std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(p) - old;
        return offset < position_ ? data + offset : p; // the arena's stay
    };
    auto move = [&moved](std::string_view &view) { view = {moved(view.data()), view.size()}; };
    auto moveOptional = [&move](std::optional<std::string_view> &view) {
        if (view) {
            move(*view);
        }
    };
    base_ = data;
    if (old == 0) {
        return;
    }
    for (std::size_t i = 0; i < fieldCount_; i++) {
        fields_[i].name.data = moved(fields_[i].name.data);
        fields_[i].value.data = moved(fields_[i].value.data);
    }
    move(request_.method);
    move(request_.target);
    move(request_.path);
    moveOptional(request_.query);
    move(request_.version);
    move(request_.serverName);
    moveOptional(request_.host);
    moveOptional(request_.contentType);
    moveOptional(request_.contentLengthText);
    move(authority_);
}

bool RequestParser::parseLine(std::string_view line) noexcept
{
    if (state_ == State::requestLine) {
        if (line.empty()) {
            return true; // some clients put one behind a body
        }
        state_ = State::fields;
        return parseRequestLine(line);
    }
    return line.empty() ? finish() : parseField(line);
}

bool RequestParser::parseRequestLine(std::string_view line) noexcept
{
    std::size_t i = 0;
    while (i < line.size() && (classOf(line[i]) & kMethod) != 0) {
        i++;
    }
    std::string_view method = line.substr(0, i);
    if (method.empty() || i == line.size() || line[i] != ' ') {
        return fail(400);
    }
    std::string_view rest = skipSpaces(line.substr(i));
    i = 0;
    while (i < rest.size() && (classOf(rest[i]) & kTargetEnd) == 0) {
        i++;
    }
    std::string_view targetText = rest.substr(0, i);
    if (i == rest.size() || rest[i] != ' ') {
        return fail(400); // HTTP/0.9, or a control character in the target (H10)
    }
    // The version comes first: what a client of HTTP/2 sends has no target that we know.
    if (!parseVersion(skipSpaces(rest.substr(i)))) {
        return false;
    }
    if (method == "CONNECT") {
        return fail(400);
    }
    auto target = parseTarget(targetText, *arena_);
    if (!target) {
        return fail(400);
    }
    request_.method = method;
    request_.target = target->text;
    request_.path = target->path;
    request_.query = target->query;
    authority_ = target->authority;
    return true;
}

bool RequestParser::parseVersion(std::string_view version) noexcept
{
    constexpr std::string_view kName = "HTTP/";
    if (!version.starts_with(kName)) {
        return fail(400);
    }
    std::string_view number = version.substr(kName.size());
    auto isDigit = [](char c) { return c >= '0' && c <= '9'; };
    if (number.size() == 3 && number[0] == '1' && number[1] == '.' && isDigit(number[2])) {
        request_.version = version;
        request_.minorVersion = number[2] == '0' ? 0 : 1; // 1.2 to 1.9 are treated as 1.1
        return true;
    }
    // "2", "2.0", "10.1": above us; anything else is no version.
    std::size_t dot = std::min(number.find('.'), number.size());
    std::string_view major = number.substr(0, dot);
    std::string_view minor = number.substr(std::min(dot + 1, number.size()));
    bool wellFormed = std::all_of(major.begin(), major.end(), isDigit) &&
                      std::all_of(minor.begin(), minor.end(), isDigit);
    major.remove_prefix(std::min(major.find_first_not_of('0'), major.size()));
    bool above = major.size() > 1 || (major.size() == 1 && major[0] >= '2');
    return fail(wellFormed && above ? 505 : 400);
}

bool RequestParser::parseField(std::string_view line) noexcept
{
    std::uint8_t common = kSafeName;
    std::size_t i = 0;
    for (; i < line.size(); i++) {
        std::uint8_t c = classOf(line[i]);
        if ((c & kToken) == 0) {
            break;
        }
        common &= c;
    }
    if (i > kMaxName) {
        return fail(431);
    }
    if (i == 0 || i == line.size() || line[i] != ':') {
        return fail(400); // no name, "Host :", a folded line, a character no name may have (H9)
    }
    std::string_view name = line.substr(0, i);
    std::string_view value = trimBlanks(line.substr(i + 1));
    if (hasControl(value)) {
        return fail(400);
    }
    if (common == 0) { // discard_unsafe_fields; nothing below has such a name
        if (!settings_->discardUnsafeFields) {
            addField(name, value);
        }
        return true;
    }
    bool visible = true;
    if (!knownField(name, value, visible)) {
        return false;
    }
    if (visible) {
        addField(name, value);
    }
    return true;
}

// What the router itself must know. visible: whether applications see the field.
bool RequestParser::knownField(std::string_view name, std::string_view value,
                               bool &visible) noexcept
{
    switch (name.size()) {
    case 4:
        return !equalsIgnoreCase(name, "host") || takeHost(value);
    case 5:
        visible = !equalsIgnoreCase(name, "proxy"); // H23
        return true;
    case 6:
        if (equalsIgnoreCase(name, "expect") && equalsIgnoreCase(value, "100-continue")) {
            expect_ = true;
        }
        return true;
    case 10:
        if (equalsIgnoreCase(name, "connection")) {
            takeConnection(value);
        }
        return true;
    case 12:
        if (equalsIgnoreCase(name, "content-type")) {
            takeContentType(value);
        }
        return true;
    case 14:
        return !equalsIgnoreCase(name, "content-length") || takeContentLength(value);
    case 17:
        if (equalsIgnoreCase(name, "transfer-encoding")) {
            visible = false; // the body is handed over without it
            transferEncodings_++;
            lastCodingChunked_ = equalsIgnoreCase(value, "chunked");
        }
        return true;
    default:
        return true;
    }
}

bool RequestParser::takeHost(std::string_view value) noexcept
{
    if (request_.host || !isValidHost(value)) {
        return fail(400);
    }
    request_.host = value;
    hostField_ = fieldCount_ + 1;
    return true;
}

bool RequestParser::takeContentLength(std::string_view value) noexcept
{
    auto length = parseLength(value);
    if (request_.contentLength || !length) {
        return fail(400); // H2
    }
    request_.contentLength = length;
    request_.contentLengthText = value;
    return true;
}

void RequestParser::takeConnection(std::string_view value) noexcept
{
    while (true) {
        std::size_t comma = std::min(value.find(','), value.size());
        std::string_view token = trimBlanks(value.substr(0, comma));
        if (equalsIgnoreCase(token, "close")) {
            close_ = true;
        } else if (equalsIgnoreCase(token, "keep-alive")) {
            keepAlive_ = true;
        }
        if (comma == value.size()) {
            return;
        }
        value.remove_prefix(comma + 1);
    }
}

// Repeated: joined, never silently the first (H8).
void RequestParser::takeContentType(std::string_view value) noexcept
{
    if (!request_.contentType) {
        request_.contentType = value;
        return;
    }
    const std::string_view parts[] = {*request_.contentType, ", ", value};
    const std::size_t size = parts[0].size() + parts[1].size() + parts[2].size();
    char *out = arena_->array<char>(size);
    char *end = out;
    for (std::string_view part : parts) {
        end = std::copy(part.begin(), part.end(), end);
    }
    request_.contentType = std::string_view(out, size);
}

void RequestParser::addField(std::string_view name, std::string_view value) noexcept
{
    if (fieldCount_ == fieldCapacity_) {
        std::size_t capacity = fieldCapacity_ == 0 ? kFirstFields : fieldCapacity_ * 2;
        auto *fields = arena_->array<pb_field>(capacity);
        if (fieldCount_ > 0) {
            std::memcpy(fields, fields_, fieldCount_ * sizeof(pb_field));
        }
        fields_ = fields;
        fieldCapacity_ = capacity;
    }
    fields_[fieldCount_++] = {toStr(name), toStr(value)};
}

bool RequestParser::finish() noexcept
{
    if (!finishFraming()) {
        return false;
    }
    finishHost();
    bool modern = request_.minorVersion > 0;
    request_.keepAlive = !close_ && (modern || keepAlive_);
    request_.expectContinue = expect_ && modern && request_.hasBody();
    request_.fields = {fields_, fieldCount_};
    state_ = State::done;
    return true;
}

// Here and not at the lines, because the fields may come in any order.
bool RequestParser::finishFraming() noexcept
{
    if (transferEncodings_ == 0) {
        return request_.contentLength.value_or(0) <= settings_->maxBodySize || fail(413);
    }
    if (request_.contentLength || request_.minorVersion == 0) {
        return fail(400); // H1, H4
    }
    if (transferEncodings_ > 1 || !lastCodingChunked_) {
        return fail(501); // H3
    }
    if (!settings_->chunkedTransform) {
        return fail(411);
    }
    request_.chunked = true;
    return true;
}

// The authority of an absolute target replaces Host, for applications too (H11).
void RequestParser::finishHost() noexcept
{
    if (!authority_.empty()) {
        request_.host = authority_;
        if (hostField_ > 0) {
            fields_[hostField_ - 1].value = toStr(authority_);
        } else {
            addField("Host", authority_);
        }
    }
    request_.serverName = serverNameOf(request_.host.value_or(std::string_view()), *arena_);
}

} // namespace patchbay::http
