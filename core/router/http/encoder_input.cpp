#include "router/http/encoder_input.hpp"

#include <charconv>
#include <cstring>

namespace patchbay::http {
namespace {

// Absent is a null pointer; an empty text that is there is not.
pb_str toOptionalStr(const std::optional<std::string_view> &text) noexcept
{
    if (!text) {
        return {nullptr, 0};
    }
    return {text->data() != nullptr ? text->data() : "", text->size()};
}

std::string_view numberText(std::uint64_t number, Arena &arena) noexcept
{
    constexpr std::size_t kDigits = 20;
    char *out = arena.array<char>(kDigits);
    char *end = std::to_chars(out, out + kDigits, number).ptr;
    return {out, static_cast<std::size_t>(end - out)};
}

// A chunked body looks to the application like one that was sent with its length.
void declareLength(pb_request &input, std::uint64_t bodySize, Arena &arena) noexcept
{
    pb_str text = toStr(numberText(bodySize, arena));
    auto *fields = arena.array<pb_field>(input.field_count + 1);
    if (input.field_count > 0) {
        std::memcpy(fields, input.fields, input.field_count * sizeof(pb_field));
    }
    fields[input.field_count] = {toStr("Content-Length"), text};
    input.content_length_text = text;
    input.fields = fields;
    input.field_count++;
}

std::uint32_t flagsOf(const Request &request, const ConnectionFacts &facts) noexcept
{
    std::uint32_t flags = 0;
    if (facts.https) {
        flags |= PB_REQUEST_HTTPS;
    }
    if (request.minorVersion == 0) {
        flags |= PB_REQUEST_HTTP10;
    }
    if (request.chunked) {
        flags |= PB_REQUEST_CHUNKED;
    }
    if (request.chunked || request.contentLength) {
        flags |= PB_REQUEST_HAS_BODY;
    }
    return flags;
}

} // namespace

pb_request makeEncoderInput(const Request &request, const ConnectionFacts &facts,
                            std::uint64_t exchangeId, std::uint32_t engine, std::uint64_t bodySize,
                            Arena &arena) noexcept
{
    std::string_view port = facts.serverPort;
    if (port.empty()) {
        port = facts.https ? "443" : "80";
    }
    pb_request input{};
    input.struct_size = sizeof input;
    input.flags = flagsOf(request, facts);
    input.exchange_id = exchangeId;
    input.engine = engine;
    input.target_index = facts.target;
    input.method = toStr(request.method);
    input.target = toStr(request.target);
    input.path = toStr(request.path);
    input.query = toOptionalStr(request.query);
    input.version = toStr(request.version);
    input.scheme = toStr(facts.https ? "https" : "http");
    input.host = toOptionalStr(request.host);
    input.server_name = toStr(request.serverName);
    input.server_port = toStr(port);
    input.local_address = toStr(facts.localAddress);
    input.remote_address = toStr(facts.remoteAddress);
    input.local_port = facts.localPort;
    input.remote_port = facts.remotePort;
    input.content_type = toOptionalStr(request.contentType);
    input.content_length_text = toOptionalStr(request.contentLengthText);
    input.content_length = bodySize;
    input.fields = request.fields.data();
    input.field_count = request.fields.size();
    if (request.chunked) {
        declareLength(input, bodySize, arena);
    }
    return input;
}

} // namespace patchbay::http
