// Worker process, main thread. Before: sapi.cpp, called by PHP. After: the core's reply_writer puts
// head and body into reply memory. No member calls PHP.
#include "response.hpp"

namespace patchbay::php {

namespace {

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view kBlank = " \t";
    const std::size_t first = text.find_first_not_of(kBlank);
    return first == std::string_view::npos
               ? std::string_view("")
               : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

} // namespace

Response::Response(const sdk::Exchange &exchange, std::vector<pb_field> &fields) noexcept
    : exchange_(exchange), fields_(fields)
{
    fields_.clear();
}

void Response::addLine(std::string_view line)
{
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
        fields_.push_back({sdk::borrow(trimmed(line.substr(0, colon))),
                           sdk::borrow(trimmed(line.substr(colon + 1)))});
    }
}

bool Response::sendHead(std::uint32_t status, pb_error &error)
{
    headSent_ = exchange_.head(status, fields_, error);
    if (!headSent_) {
        gone_ = gone_ || exchange_.cancelled();
    }
    return headSent_;
}

bool Response::write(std::string_view body) noexcept
{
    if (finished_) {
        return true;
    }
    if (gone_) {
        return false;
    }
    if (!headSent_) { // it was refused: nobody will see this
        return true;
    }
    gone_ = !exchange_.writeBuffered(body);
    return !gone_;
}

bool Response::flush() noexcept
{
    if (!gone_ && !finished_ && headSent_) {
        gone_ = !exchange_.write({});
    }
    return finished_ || !gone_;
}

bool Response::finish() noexcept
{
    if (finished_ || gone_ || !exchange_.finish(complete())) {
        return false;
    }
    finished_ = true;
    return true;
}

} // namespace patchbay::php
