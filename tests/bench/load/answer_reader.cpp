#include "answer_reader.hpp"

#include <algorithm>
#include <charconv>
#include <strings.h>

namespace patchbay::load {
namespace {

constexpr std::size_t kLongestHead = 64 * 1024;

bool same(std::string_view a, std::string_view b) noexcept
{
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) noexcept
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

bool parse(std::string_view text, int base, std::uint64_t &value) noexcept
{
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    return error == std::errc() && stop == end;
}

} // namespace

void AnswerReader::reset() noexcept
{
    state_ = State::head;
    head_.clear();
    left_ = bodySize_ = 0;
    status_ = 0;
    closes_ = last_ = false;
}

AnswerReader::Result AnswerReader::feed(std::string_view bytes)
{
    if (state_ != State::head) {
        return feedBody(bytes);
    }
    if (head_.empty()) { // mostly it comes in one piece
        const std::size_t end = bytes.find("\r\n\r\n");
        if (end != bytes.npos) {
            return takeHead(bytes.substr(0, end)) ? feedBody(bytes.substr(end + 4)) : Result::bad;
        }
    }
    const std::size_t before = head_.size();
    head_ += bytes;
    const std::size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
    if (end == head_.npos) {
        return head_.size() > kLongestHead ? Result::bad : Result::more;
    }
    const std::string whole = std::move(head_);
    head_.clear();
    const std::string_view text = whole;
    return takeHead(text.substr(0, end)) ? feedBody(text.substr(end + 4)) : Result::bad;
}

bool AnswerReader::takeHead(std::string_view head)
{
    state_ = State::untilClosed;
    std::uint64_t status = 0;
    if (!head.starts_with("HTTP/1.") || head.size() < 12 || !parse(head.substr(9, 3), 10, status)) {
        return false;
    }
    status_ = static_cast<unsigned>(status);
    closes_ = head[7] == '0';
    std::size_t at = head.find("\r\n");
    while (at != head.npos) {
        const std::size_t next = head.find("\r\n", at + 2);
        const std::string_view line = head.substr(at + 2, next - at - 2);
        const std::size_t colon = line.find(':');
        if (colon == line.npos ||
            !takeField(line.substr(0, colon), trimmed(line.substr(colon + 1)))) {
            return false;
        }
        at = next;
    }
    if (state_ == State::untilClosed) {
        closes_ = true;
    }
    return true;
}

bool AnswerReader::takeField(std::string_view name, std::string_view value)
{
    if (same(name, "Content-Length")) {
        state_ = State::length;
        return parse(value, 10, left_);
    }
    if (same(name, "Transfer-Encoding")) {
        state_ = State::chunkLine;
        return same(value, "chunked");
    }
    if (same(name, "Connection")) {
        closes_ = same(value, "close") || (closes_ && !same(value, "keep-alive"));
    }
    return true;
}

AnswerReader::Result AnswerReader::feedBody(std::string_view bytes)
{
    switch (state_) {
    case State::length:
        bodySize_ += bytes.size();
        if (bytes.size() < left_) {
            left_ -= bytes.size();
            return Result::more;
        }
        state_ = State::done;
        return bytes.size() == left_ ? Result::done : Result::bad;
    case State::untilClosed:
        bodySize_ += bytes.size();
        return Result::more;
    case State::done:
        return bytes.empty() ? Result::done : Result::bad;
    default:
        while (!bytes.empty() && state_ != State::done) {
            if (!stepChunks(bytes)) {
                return Result::bad;
            }
        }
        return state_ != State::done ? Result::more : bytes.empty() ? Result::done : Result::bad;
    }
}

bool AnswerReader::stepChunks(std::string_view &bytes)
{
    if (state_ != State::chunk) {
        return takeLine(bytes);
    }
    const std::size_t taken = std::min<std::uint64_t>(left_, bytes.size());
    bytes.remove_prefix(taken);
    bodySize_ += taken;
    left_ -= taken;
    if (left_ == 0) {
        state_ = State::chunkEnd;
    }
    return true;
}

bool AnswerReader::takeLine(std::string_view &bytes)
{
    const std::size_t end = bytes.find('\n');
    head_ += bytes.substr(0, end);
    if (end == bytes.npos) {
        bytes = {};
        return head_.size() < kLongestHead;
    }
    bytes.remove_prefix(end + 1);
    if (!head_.ends_with('\r')) {
        return false;
    }
    head_.pop_back();
    const bool good = endOfLine();
    head_.clear();
    return good;
}

// head_: the line that ends here. Trailers are not looked at.
bool AnswerReader::endOfLine()
{
    if (last_) {
        state_ = head_.empty() ? State::done : State::chunkLine;
        return true;
    }
    if (state_ == State::chunkEnd) {
        state_ = State::chunkLine;
        return head_.empty();
    }
    const std::string_view size = std::string_view(head_).substr(0, head_.find(';'));
    last_ = parse(trimmed(size), 16, left_) && left_ == 0;
    if (!last_) {
        state_ = State::chunk;
    }
    return last_ || left_ > 0;
}

AnswerReader::Result AnswerReader::end() const noexcept
{
    return state_ == State::untilClosed || state_ == State::done ? Result::done : Result::bad;
}

} // namespace patchbay::load
