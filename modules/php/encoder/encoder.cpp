// Router process, engine threads (step 8 of a request's life). Before: app/dispatch asked for the
// size and took memory. After: runtime/request.cpp opens the message in a worker.
#include "../message.hpp"

#include "patchbay/module.hpp"

namespace patchbay::php {

namespace {

constexpr std::string_view kPrefix = "HTTP_";

// S62: a-z become A-Z, '-' becomes '_', other bytes stay.
constexpr char variableByte(char byte)
{
    if (byte >= 'a' && byte <= 'z') {
        return static_cast<char>(byte - 'a' + 'A');
    }
    return byte == '-' ? '_' : byte;
}

bool isNamed(pb_str name, std::string_view upperCase) noexcept
{
    if (name.size != upperCase.size()) {
        return false;
    }
    for (std::size_t i = 0; i < name.size; ++i) {
        if (variableByte(name.data[i]) != upperCase[i]) {
            return false;
        }
    }
    return true;
}

// What becomes of a request's fields: all pass but Proxy (H23, "httpoxy"), and the authority of an
// absolute target replaces Host (H11).
class Fields {
public:
    explicit Fields(const pb_request &request) noexcept : request_(request) {}

    // Calls visit(name, value) for each, in order.
    template <class Visit>
    void each(Visit visit) const noexcept
    {
        bool hostSeen = false;
        for (std::size_t i = 0; i < request_.field_count; ++i) {
            const pb_field &field = request_.fields[i];
            if (isNamed(field.name, "PROXY")) {
                continue;
            }
            const bool isHost = request_.host.data != nullptr && isNamed(field.name, "HOST");
            hostSeen = hostSeen || isHost;
            visit(sdk::view(field.name), sdk::view(isHost ? request_.host : field.value));
        }
        if (!hostSeen && request_.host.data != nullptr) {
            visit("Host", sdk::view(request_.host));
        }
    }

private:
    const pb_request &request_;
};

// In the order of enum Text.
std::array<pb_str, kTextCount> textsOf(const pb_request &request) noexcept
{
    return {request.method,         request.target,       request.path,
            request.query,          request.version,      request.scheme,
            request.server_name,    request.server_port,  request.local_address,
            request.remote_address, request.content_type, request.content_length_text};
}

// Writes one message into memory of a size known before; the caller has made sure of the room.
class Writer {
public:
    Writer(std::uint8_t *out, std::size_t textsAt) noexcept : out_(out), at_(textsAt) {}

    Span text(std::string_view text) noexcept
    {
        const std::size_t start = at_;
        copy(text);
        return end(start);
    }

    Span name(std::string_view fieldName) noexcept
    {
        const std::size_t start = at_;
        copy(kPrefix);
        for (const char c : fieldName) {
            out_[at_++] = static_cast<std::uint8_t>(variableByte(c));
        }
        return end(start);
    }

private:
    void copy(std::string_view bytes) noexcept
    {
        if (!bytes.empty()) { // an empty view may have no address
            std::memcpy(out_ + at_, bytes.data(), bytes.size());
            at_ += bytes.size();
        }
    }

    Span end(std::size_t start) noexcept
    {
        const Span span{static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(at_ - start)};
        out_[at_++] = 0;
        return span;
    }

    std::uint8_t *out_;
    std::size_t at_; // where the next text goes
};

struct Counts {
    std::size_t fields = 0;
    std::size_t size = 0; // of the message
};

Counts count(const pb_request &request) noexcept
{
    Counts counts;
    counts.size = sizeof(MessageHeader);
    for (const pb_str &text : textsOf(request)) {
        counts.size += text.data == nullptr ? 0 : text.size + 1;
    }
    Fields(request).each([&](std::string_view name, std::string_view value) {
        ++counts.fields;
        counts.size += sizeof(Field) + kPrefix.size() + name.size() + 1 + value.size() + 1;
    });
    return counts;
}

MessageHeader headerOf(const pb_request &request, const Counts &counts) noexcept
{
    MessageHeader header{};
    header.layout = kMessageLayout;
    header.size = static_cast<std::uint32_t>(counts.size);
    header.fields = sizeof header;
    header.fieldCount = static_cast<std::uint32_t>(counts.fields);
    header.reserved = header.size;
    header.exchangeId = request.exchange_id;
    header.contentLength = request.content_length;
    header.engine = request.engine;
    header.target = request.target_index;
    header.flags = request.flags;
    header.remotePort = request.remote_port;
    return header;
}

} // namespace

class Encoder {
public:
    // An application has no option that changes what its encoder does.
    Encoder(sdk::Host, std::string_view) {}

    std::size_t encodedSize(const pb_request &request) const noexcept
    {
        return count(request).size;
    }

    std::size_t encode(const pb_request &request, std::uint8_t *out,
                       std::size_t capacity) const noexcept
    {
        const Counts counts = count(request);
        if (counts.size > capacity || counts.size > UINT32_MAX) {
            return 0; // not what was promised: the core fails the request
        }
        MessageHeader header = headerOf(request, counts);
        Writer writer(out, sizeof header + counts.fields * sizeof(Field));
        const std::array<pb_str, kTextCount> texts = textsOf(request);
        for (std::size_t i = 0; i < texts.size(); ++i) {
            if (texts[i].data != nullptr) {
                header.texts[i] = writer.text(sdk::view(texts[i]));
            }
        }
        std::uint8_t *entry = out + sizeof header;
        Fields(request).each([&](std::string_view name, std::string_view value) {
            Field field{};
            field.name = writer.name(name);
            field.value = writer.text(value);
            std::memcpy(entry, &field, sizeof field);
            entry += sizeof field;
        });
        std::memcpy(out, &header, sizeof header);
        return counts.size;
    }
};

} // namespace patchbay::php

PB_DEFINE_MODULE(patchbay::sdk::encoder<patchbay::php::Encoder>("encoder.php",
                                                                PATCHBAY_MODULE_VERSION,
                                                                R"({"type":"object"})"));
