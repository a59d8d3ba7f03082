// Router process, engine threads (step 8 of a request's life). Before: app/dispatch asked for the
// size and took memory. After: a library of sdk/ reads the message in a worker. Built twice, as
// "encoder.go" and as "encoder.external" (PATCHBAY_ENCODER_ID): programs of both types read the
// same.
#include "../message.hpp"
#include "patchbay/module.hpp"

#include <cstring>
#include <limits>

namespace patchbay::program {

namespace {

constexpr std::size_t kMaxSize = std::numeric_limits<std::uint32_t>::max();

struct TextMember {
    pb_str pb_request::*from;
    Text Head::*to;
    bool optional = false; // may be absent, which is not empty
};

constexpr TextMember kTexts[] = {
    {&pb_request::method, &Head::method},
    {&pb_request::target, &Head::uri},
    {&pb_request::path, &Head::path},
    {&pb_request::query, &Head::query, true},
    {&pb_request::version, &Head::version},
    {&pb_request::scheme, &Head::scheme},
    {&pb_request::host, &Head::host, true},
    {&pb_request::server_name, &Head::serverName},
    {&pb_request::server_port, &Head::serverPort},
    {&pb_request::local_address, &Head::localAddress},
    {&pb_request::remote_address, &Head::remoteAddress},
    {&pb_request::content_type, &Head::contentType, true},
};

// Puts bytes one behind the other, after head and fields. The memory is the router's.
class TextWriter {
public:
    TextWriter(std::uint8_t *message, std::size_t begin) noexcept : message_(message), used_(begin)
    {
    }

    Text add(const pb_str &text) noexcept
    {
        const Text place{static_cast<std::uint32_t>(used_), static_cast<std::uint32_t>(text.size)};
        if (text.size != 0) {
            std::memcpy(message_ + used_, text.data, text.size);
            used_ += text.size;
        }
        return place;
    }

private:
    std::uint8_t *message_;
    std::size_t used_;
};

Head headOf(const pb_request &request, std::size_t size) noexcept
{
    Head head{};
    head.layout = kLayout;
    head.headSize = sizeof(Head);
    head.size = static_cast<std::uint32_t>(size);
    head.flags = request.flags;
    head.exchangeId = request.exchange_id;
    head.contentLength = request.content_length;
    head.engine = request.engine;
    head.target = request.target_index;
    head.localPort = request.local_port;
    head.remotePort = request.remote_port;
    head.fieldsOffset = sizeof(Head);
    head.fieldCount = static_cast<std::uint32_t>(request.field_count);
    head.fieldStride = sizeof(Field);
    return head;
}

} // namespace

class Encoder {
public:
    // An application has no option that changes what its encoder does.
    Encoder(sdk::Host, std::string_view) {}

    std::size_t encodedSize(const pb_request &request) const noexcept
    {
        std::size_t size = sizeof(Head) + request.field_count * sizeof(Field);
        for (const TextMember &member : kTexts) {
            size += (request.*member.from).size;
        }
        for (std::size_t i = 0; i < request.field_count; ++i) {
            size += request.fields[i].name.size + request.fields[i].value.size;
        }
        return size;
    }

    std::size_t encode(const pb_request &request, std::uint8_t *out,
                       std::size_t capacity) const noexcept
    {
        const std::size_t size = encodedSize(request);
        if (size > capacity || size > kMaxSize) {
            return 0; // not what was promised: the core fails the request
        }
        Head head = headOf(request, size);
        TextWriter texts(out, sizeof(Head) + request.field_count * sizeof(Field));
        for (const TextMember &member : kTexts) {
            const pb_str &text = request.*member.from;
            if (text.data != nullptr || !member.optional) {
                head.*member.to = texts.add(text);
            }
        }
        std::memcpy(out, &head, sizeof head);
        for (std::size_t i = 0; i < request.field_count; ++i) {
            const Text name = texts.add(request.fields[i].name);
            const Field field{name, texts.add(request.fields[i].value)};
            std::memcpy(out + sizeof head + i * sizeof field, &field, sizeof field);
        }
        return size;
    }
};

} // namespace patchbay::program

PB_DEFINE_MODULE(patchbay::sdk::encoder<patchbay::program::Encoder>(PATCHBAY_ENCODER_ID,
                                                                    PATCHBAY_MODULE_VERSION,
                                                                    R"({"type":"object"})"));
