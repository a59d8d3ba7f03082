// [worker] Called by worker_exchange.cpp; router/http/reply_parser reads what is written here.
#include "worker/reply_head.hpp"

#include "ipc/reply_format.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace patchbay::worker {
namespace {

std::string_view view(const pb_str &text) noexcept
{
    return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}

// RFC 9110 5.6.2: what a field name may consist of.
bool isTokenCharacter(char c) noexcept
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
        return true;
    }
    return c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr;
}

bool isToken(std::string_view name) noexcept
{
    return !name.empty() && std::all_of(name.begin(), name.end(), isTokenCharacter);
}

// What would end the field on the wire and start another one (H17).
bool breaksLine(std::string_view value) noexcept
{
    return std::any_of(value.begin(), value.end(),
                       [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

// A name that a log line can show.
std::string printable(std::string_view name)
{
    std::string text(name.substr(0, 100));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c == '\x7f'; }, '?');
    return text;
}

std::string fieldFault(const pb_field &field)
{
    std::string_view name = view(field.name);
    std::string_view value = view(field.value);
    if (!isToken(name)) {
        return "the response field name \"" + printable(name) + "\" is invalid";
    }
    if (name.size() > UINT16_MAX) {
        return "the response field name \"" + printable(name) + "...\" is too long";
    }
    if (breaksLine(value)) {
        return "the value of response field \"" + printable(name) +
               "\" contains a line break or a zero byte";
    }
    if (value.size() > ipc::kMaxReplyHead) {
        return "the value of response field \"" + printable(name) + "\" is too long";
    }
    return {};
}

// Copies and moves on.
void put(unsigned char *&out, const void *data, std::size_t size) noexcept
{
    if (size > 0) {
        std::memcpy(out, data, size);
        out += size;
    }
}

} // namespace

std::string headFault(std::uint32_t status, std::span<const pb_field> fields)
{
    if (status < 100 || status > 999) {
        return "the response status " + std::to_string(status) + " is not between 100 and 999";
    }
    if (fields.size() > ipc::kMaxReplyFields) {
        return "the response has " + std::to_string(fields.size()) + " fields; at most " +
               std::to_string(ipc::kMaxReplyFields) + " are allowed";
    }
    for (const pb_field &field : fields) {
        if (std::string fault = fieldFault(field); !fault.empty()) {
            return fault;
        }
    }
    if (headSize(fields) > ipc::kMaxReplyHead) {
        return "the response header is larger than " + std::to_string(ipc::kMaxReplyHead) +
               " bytes";
    }
    return {};
}

std::size_t headSize(std::span<const pb_field> fields) noexcept
{
    std::size_t size = ipc::kReplyHeadPrefix;
    for (const pb_field &field : fields) {
        size += ipc::kReplyFieldPrefix + view(field.name).size() + view(field.value).size();
    }
    return size;
}

void writeHead(unsigned char *out, std::uint32_t status, std::span<const pb_field> fields) noexcept
{
    auto blockSize = static_cast<std::uint32_t>(headSize(fields) - sizeof(std::uint32_t));
    auto shortStatus = static_cast<std::uint16_t>(status);
    auto count = static_cast<std::uint16_t>(fields.size());
    put(out, &blockSize, sizeof blockSize);
    put(out, &shortStatus, sizeof shortStatus);
    put(out, &count, sizeof count);
    for (const pb_field &field : fields) {
        std::string_view name = view(field.name);
        std::string_view value = view(field.value);
        auto nameSize = static_cast<std::uint16_t>(name.size());
        auto valueSize = static_cast<std::uint32_t>(value.size());
        put(out, &nameSize, sizeof nameSize);
        put(out, &valueSize, sizeof valueSize);
        put(out, name.data(), name.size());
        put(out, value.data(), value.size());
    }
}

} // namespace patchbay::worker
