// The request message of PHP applications: what encoder_php.so writes in the router's threads and
// runtime_php.so reads in a worker. One fixed header, then
//
//   header.fields    header.fieldCount entries of Field: the HTTP_* variables, in order received
//   the texts        of the header and of the fields, each followed by a zero byte
//   header.reserved  what is left of the message: room for later layouts
//
// Native-endian, any alignment: everything is copied with memcpy. The memory is shared with the
// other workers of the application, so the runtime copies the message before it opens it: what the
// reader has checked stays as it was. Names are final ("HTTP_X_A"); repeated ones are not joined
// yet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace patchbay::php {

inline constexpr std::uint32_t kMessageLayout = 0x50480001; // "PH", layout 1

// Texts every request has, or may have. Append only, or raise kMessageLayout.
enum Text : std::uint32_t {
    kMethod,
    kTarget,
    kPath,
    kQuery, // absent: no '?' at all
    kVersion,
    kScheme,
    kServerName,
    kServerPort,
    kLocalAddress,
    kRemoteAddress,
    kContentType,   // may be absent
    kContentLength, // the text; may be absent
    kTextCount
};

struct Span {
    std::uint32_t offset; // from the start of the message; 0: absent
    std::uint32_t size;   // without the zero byte behind it
};

struct MessageHeader {
    std::uint32_t layout; // kMessageLayout
    std::uint32_t size;   // of the whole message, this header included
    std::uint32_t fields; // offset of the field table
    std::uint32_t fieldCount;
    std::uint32_t reserved; // offset of the rest
    std::uint32_t reservedSize;
    std::uint64_t exchangeId;
    std::uint64_t contentLength; // of the body, decoded
    std::uint32_t engine;
    std::uint32_t target; // 0: the application's first
    std::uint32_t flags;  // enum pb_request_flags
    std::uint32_t remotePort;
    std::array<Span, kTextCount> texts;
};
static_assert(sizeof(MessageHeader) == 56 + kTextCount * sizeof(Span));

struct Field {
    Span name;
    Span value;
};
static_assert(sizeof(Field) == 16);

// Views into the message, which has a zero byte behind each.
struct FieldView {
    std::string_view name;
    std::string_view value;
};

class MessageReader {
public:
    // nullopt: not a message of this layout, or one whose parts lie outside of it. `data` must not
    // change as long as the reader is used.
    static std::optional<MessageReader> open(const std::uint8_t *data, std::size_t size) noexcept
    {
        MessageHeader header;
        if (data == nullptr || size < sizeof header) {
            return std::nullopt;
        }
        std::memcpy(&header, data, sizeof header);
        if (header.layout != kMessageLayout || header.size != size ||
            !inside(header.fields, std::uint64_t{header.fieldCount} * sizeof(Field), size) ||
            !inside(header.reserved, header.reservedSize, size)) {
            return std::nullopt;
        }
        const MessageReader reader(data, header);
        for (const Span &text : header.texts) {
            if (text.offset != 0 && !reader.holds(text)) {
                return std::nullopt;
            }
        }
        return reader;
    }

    const MessageHeader &header() const noexcept { return header_; }

    bool has(Text text) const noexcept { return header_.texts[text].offset != 0; }
    // Empty if it is absent; data() is terminated in any case.
    std::string_view text(Text text) const noexcept
    {
        return has(text) ? view(header_.texts[text]) : std::string_view("");
    }

    // Entry `index` < header().fieldCount; false when it points outside.
    bool field(std::uint32_t index, FieldView &out) const noexcept
    {
        Field entry;
        std::memcpy(&entry, data_ + header_.fields + std::size_t{index} * sizeof entry,
                    sizeof entry);
        if (!holds(entry.name) || !holds(entry.value)) {
            return false;
        }
        out = {view(entry.name), view(entry.value)};
        return true;
    }

private:
    MessageReader(const std::uint8_t *data, const MessageHeader &header) noexcept
        : data_(data), header_(header)
    {
    }

    static bool inside(std::uint64_t offset, std::uint64_t length, std::uint64_t size) noexcept
    {
        return offset <= size && length <= size - offset;
    }

    // PHP takes many of these texts as C strings, so the terminator is checked, too.
    bool holds(const Span &text) const noexcept
    {
        return inside(text.offset, std::uint64_t{text.size} + 1, header_.size) &&
               data_[text.offset + text.size] == 0;
    }

    std::string_view view(const Span &text) const noexcept
    {
        return {reinterpret_cast<const char *>(data_) + text.offset, text.size};
    }

    const std::uint8_t *data_;
    MessageHeader header_;
};

} // namespace patchbay::php
