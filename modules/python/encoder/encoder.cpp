// Router process, engine threads (step 8 of a request's life). Before: app/dispatch asked for the
// size and took memory. After: runtime/environ.cpp reads the message in a worker. Everything that
// can be done without the interpreter is done here: final names, joined values.
#include "field_groups.hpp"
#include "message_writer.hpp"

#include "patchbay/module.hpp"

#include <charconv>

namespace patchbay::python {

namespace {

constexpr std::size_t kRequestPairs = 14; // the most that add*() below write beside the fields
constexpr std::size_t kNumberSize = 20;   // decimal digits of 2^64
constexpr std::size_t kFieldExtra = kSeparatorSize;

// Decimal text of a number, on the stack.
class NumberText {
public:
    explicit NumberText(std::uint64_t number) noexcept
        : end_(std::to_chars(text_, text_ + sizeof text_, number).ptr)
    {
    }
    std::string_view view() const noexcept { return {text_, end_}; }

private:
    char text_[kNumberSize];
    const char *end_;
};

std::size_t pairRoom(const pb_request &request) noexcept
{
    return kRequestPairs + std::min(request.field_count, FieldGroups::kMaxFields);
}

bool hasHost(const pb_request &request) noexcept
{
    return request.host.data != nullptr;
}

void addRequestLine(MessageWriter &writer, const pb_request &request) noexcept
{
    if (sdk::view(request.method) != kDefaultMethod) {
        writer.addWord(keyOf("REQUEST_METHOD"), sdk::view(request.method));
    }
    if (sdk::view(request.version) != kDefaultProtocol) {
        writer.addWord(keyOf("SERVER_PROTOCOL"), sdk::view(request.version));
    }
    if (sdk::view(request.scheme) != kDefaultScheme) {
        writer.addWord(keyOf("wsgi.url_scheme"), sdk::view(request.scheme));
    }
    writer.add(keyOf("REQUEST_URI"), sdk::view(request.target));
    writer.add(keyOf("PATH_INFO"), sdk::view(request.path));
    if (sdk::view(request.query) != kDefaultQuery) {
        writer.add(keyOf("QUERY_STRING"), sdk::view(request.query));
    }
}

void addEnds(MessageWriter &writer, const pb_request &request) noexcept
{
    writer.add(keyOf("SERVER_NAME"), sdk::view(request.server_name));
    writer.add(keyOf("SERVER_PORT"), sdk::view(request.server_port));
    writer.add(keyOf("SERVER_ADDR"), sdk::view(request.local_address));
    writer.add(keyOf("REMOTE_ADDR"), sdk::view(request.remote_address));
    if (request.remote_port != 0) {
        writer.add(keyOf("REMOTE_PORT"), NumberText(request.remote_port).view());
    }
}

// What the encoder has met among the fields.
struct Seen {
    bool host = false;
    bool contentType = false;
};

// As Pair::field has it.
std::uint16_t placeOf(std::size_t field) noexcept
{
    return static_cast<std::uint16_t>(field + 1);
}

void addField(MessageWriter &writer, const pb_request &request, const FieldGroups &groups,
              std::size_t first, Seen &seen) noexcept
{
    const std::uint8_t key = groups.key(first);
    if (key == keyOf("HTTP_PROXY")) {
        return; // H23
    }
    if (key == keyOf("HTTP_HOST") && hasHost(request)) {
        // The authority of an absolute target replaces the field (H11).
        writer.add(key, sdk::view(request.host), placeOf(first));
        seen.host = true;
        return;
    }
    const std::string_view separator = key == keyOf("HTTP_COOKIE") ? "; " : ", ";
    std::size_t part = writer.repeated();
    writer.beginField(key, request.fields[first], placeOf(first));
    for (std::uint16_t i = groups.next(first); i != FieldGroups::kNone; i = groups.next(i)) {
        writer.repeatField(separator, request.fields[i], placeOf(i));
    }
    writer.end();
    const std::string_view name = sdk::view(request.fields[first].name);
    for (std::uint16_t i = groups.next(first); i != FieldGroups::kNone; i = groups.next(i)) {
        const std::string_view other = sdk::view(request.fields[i].name);
        if (!sameSpelling(name, other)) {
            writer.spellRepeated(part, other);
        }
        ++part;
    }
    if (key == keyOf("HTTP_CONTENT_TYPE")) {
        writer.add(keyOf("CONTENT_TYPE"), writer.lastValue()); // joined as well (H8)
        seen.contentType = true;
    }
}

void addFields(MessageWriter &writer, const pb_request &request) noexcept
{
    const FieldGroups groups(request.fields, request.field_count);
    Seen seen;
    for (std::size_t i = 0; i < groups.count(); ++i) {
        if (!groups.repeats(i)) {
            addField(writer, request, groups, i, seen);
        }
    }
    if (!seen.host && hasHost(request)) {
        writer.add(keyOf("HTTP_HOST"), sdk::view(request.host), kAddedField);
    }
    if (!seen.contentType && request.content_type.data != nullptr) {
        writer.add(keyOf("CONTENT_TYPE"), sdk::view(request.content_type));
    }
    if ((request.flags & PB_REQUEST_CHUNKED) != 0) {
        writer.add(keyOf("CONTENT_LENGTH"), NumberText(request.content_length).view());
    } else if (request.content_length_text.data != nullptr) {
        writer.add(keyOf("CONTENT_LENGTH"), sdk::view(request.content_length_text));
    }
}

} // namespace

class Encoder {
public:
    // An application has no option that changes what its encoder does.
    Encoder(sdk::Host, std::string_view) {}

    // One addition per string: room for every field as if no name were known and none repeated.
    // encode() fills what it does not need with zeros.
    std::size_t encodedSize(const pb_request &request) const noexcept
    {
        std::size_t size = sizeof(MessageHeader) + pairRoom(request) * sizeof(Pair);
        for (const pb_str &text :
             {request.method, request.target, request.path, request.query, request.version,
              request.scheme, request.host, request.server_name, request.server_port,
              request.local_address, request.remote_address, request.content_type,
              request.content_length_text}) {
            size += text.size;
        }
        size += 2 * kNumberSize;
        for (std::size_t i = 0; i < request.field_count; ++i) {
            size += kFieldExtra + request.fields[i].name.size + request.fields[i].value.size;
        }
        return size;
    }

    std::size_t encode(const pb_request &request, std::uint8_t *out,
                       std::size_t capacity) const noexcept
    {
        const std::size_t size = encodedSize(request);
        if (size > capacity || size > UINT32_MAX) {
            return 0; // not what was promised: the core fails the request
        }
        MessageWriter writer(out, size, pairRoom(request));
        addRequestLine(writer, request);
        addEnds(writer, request);
        addFields(writer, request);
        writer.finish(request);
        return size;
    }
};

} // namespace patchbay::python

PB_DEFINE_MODULE(patchbay::sdk::encoder<patchbay::python::Encoder>("encoder.python",
                                                                   PATCHBAY_MODULE_VERSION,
                                                                   R"({"type":"object"})"));
