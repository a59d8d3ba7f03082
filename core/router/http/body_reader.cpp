#include "router/http/body_reader.hpp"

#include "router/http/characters.hpp"

#include <algorithm>

namespace patchbay::http {
namespace {

constexpr unsigned kMaxSizeDigits = 16;

} // namespace

void BodyReader::startLength(std::uint64_t length) noexcept
{
    *this = BodyReader();
    left_ = length;
    state_ = length > 0 ? State::data : State::done;
}

void BodyReader::startChunked(const Settings &settings) noexcept
{
    *this = BodyReader();
    chunked_ = true;
    limit_ = settings.maxBodySize;
    overhead_ = settings.headerBlockLimit();
    state_ = State::sizeFirst;
}

void BodyReader::fail(unsigned status) noexcept
{
    status_ = status;
    state_ = State::failed;
}

BodyReader::Step BodyReader::next(const char *data, std::size_t size) noexcept
{
    std::size_t i = 0;
    while (state_ < State::done && i < size) {
        if (state_ != State::data) {
            onByte(data[i++]);
            continue;
        }
        auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, size - i));
        left_ -= n;
        received_ += n;
        if (left_ == 0) {
            state_ = chunked_ ? State::dataCr : State::done;
        }
        return {Result::needMore, i + n, {data + i, n}};
    }
    switch (state_) {
    case State::done:
        return {Result::done, i, {}};
    case State::failed:
        return {Result::error, i, {}};
    default:
        return {Result::needMore, i, {}};
    }
}

// Everything between the pieces of body. Lines end with CRLF and nothing else (H5).
void BodyReader::onByte(char c) noexcept
{
    switch (state_) {
    case State::dataCr:
        expect(c, '\r', State::dataLf);
        break;
    case State::dataLf:
        expect(c, '\n', State::sizeFirst);
        break;
    case State::sizeFirst:
    case State::size:
    case State::beforeExtension:
    case State::extension:
        onSizeByte(c);
        break;
    case State::sizeLf:
        expect(c, '\n', left_ > 0 ? State::data : State::trailerFirst);
        break;
    case State::trailerLf:
        expect(c, '\n', State::trailerFirst);
        break;
    case State::lastLf:
        expect(c, '\n', State::done);
        break;
    default:
        onTrailerByte(c);
        break;
    }
}

void BodyReader::expect(char c, char wanted, State then) noexcept
{
    if (c == wanted) {
        state_ = then;
        digits_ = 0;
    } else {
        fail(400);
    }
}

// chunk-size [ *BWS ";" extension ] CR
void BodyReader::onSizeByte(char c) noexcept
{
    const int digit = hexDigit(c);
    if (digit >= 0 && (state_ == State::sizeFirst || state_ == State::size)) {
        left_ = (digits_ == 0 ? 0 : left_ << 4) | static_cast<unsigned>(digit);
        state_ = State::size;
        if (++digits_ > kMaxSizeDigits) {
            fail(400);
        }
        return;
    }
    if (c == '\r' && (state_ == State::size || state_ == State::extension)) {
        endSize();
        return;
    }
    // Behind the digits: blanks up to a ';', then anything up to the CR.
    const bool allowed = state_ == State::extension
                             ? !isControl(c)
                             : state_ != State::sizeFirst && (c == ';' || isBlank(c));
    if (!allowed) {
        fail(400);
    } else if (countOverhead(400) && state_ != State::extension) {
        state_ = c == ';' ? State::extension : State::beforeExtension;
    }
}

void BodyReader::endSize() noexcept
{
    if (left_ > limit_ - received_) {
        fail(413);
    } else {
        state_ = State::sizeLf;
    }
}

// Trailer fields have the form of fields, are counted, and are dropped (H7).
void BodyReader::onTrailerByte(char c) noexcept
{
    if (!(state_ == State::trailerFirst && c == '\r') && !countOverhead(431)) {
        return;
    }
    if (state_ == State::trailerFirst && c == '\r') {
        state_ = State::lastLf;
    } else if (state_ == State::trailerValue) {
        if (c == '\r') {
            state_ = State::trailerLf;
        } else if (isControl(c)) {
            fail(400);
        }
    } else if ((classOf(c) & kToken) != 0) {
        state_ = State::trailerName;
    } else if (c == ':' && state_ == State::trailerName) {
        state_ = State::trailerValue;
    } else {
        fail(400);
    }
}

bool BodyReader::countOverhead(unsigned status) noexcept
{
    if (overhead_ == 0) {
        fail(status);
        return false;
    }
    overhead_--;
    return true;
}

} // namespace patchbay::http
