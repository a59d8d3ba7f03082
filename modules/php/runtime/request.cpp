// Worker process, main thread. Before: runtime.cpp's serve(). After: sapi.cpp and variables.cpp
// hand its parts to PHP.
#include "request.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace patchbay::php {

namespace {

MessageReader openMessage(const sdk::Exchange &exchange, std::vector<std::uint8_t> &copy)
{
    const auto message = exchange.message();
    copy.assign(message.begin(), message.end());
    const auto reader = MessageReader::open(copy.data(), copy.size());
    if (!reader) {
        throw std::runtime_error("the request message is damaged");
    }
    return *reader;
}

} // namespace

Request::Request(const sdk::Exchange &exchange, RequestScratch &scratch)
    : exchange_(exchange), scratch_(scratch), message_(openMessage(exchange, scratch.message)),
      response_(exchange, scratch.replyFields)
{
    scratch_.fields.clear();
    for (std::uint32_t i = 0; i < message_.header().fieldCount; ++i) {
        FieldView field;
        if (!message_.field(i, field)) {
            throw std::runtime_error("the request message is damaged");
        }
        scratch_.fields.push_back(field);
    }
    joinFields();
}

// Sorting, not hashing: no client can choose names that make it slow.
void Request::joinFields()
{
    const std::vector<FieldView> &fields = scratch_.fields;
    std::vector<std::uint32_t> &order = scratch_.order;
    order.resize(fields.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        const int difference = fields[a].name.compare(fields[b].name);
        return difference != 0 ? difference < 0 : a < b;
    });
    scratch_.variables.clear();
    scratch_.joinedTexts.clear();
    for (std::size_t i = 0; i < order.size();) {
        const FieldView &first = fields[order[i++]];
        scratch_.variables.push_back(first);
        if (i == order.size() || fields[order[i]].name != first.name) {
            continue;
        }
        std::string &joined = scratch_.joinedTexts.emplace_back(first.value);
        for (; i < order.size() && fields[order[i]].name == first.name; ++i) {
            joined += first.name == "HTTP_COOKIE" ? "; " : ", ";
            joined += fields[order[i]].value;
        }
        scratch_.variables.back().value = joined;
    }
}

const char *Request::variable(std::string_view name) const noexcept
{
    const auto found = std::lower_bound(
        variables().begin(), variables().end(), name,
        [](const FieldView &field, std::string_view wanted) { return field.name < wanted; });
    return found != variables().end() && found->name == name ? found->value.data() : nullptr;
}

std::size_t Request::readBody(char *buffer, std::size_t size) noexcept
{
    std::size_t done = 0;
    while (done < size && !bodyEnded_) {
        const std::int64_t part = exchange_.readBody(buffer + done, size - done);
        if (part <= 0) {
            bodyEnded_ = true;
            if (part < 0) {
                response_.setGone();
            }
            break;
        }
        done += static_cast<std::size_t>(part);
    }
    return done;
}

} // namespace patchbay::php
