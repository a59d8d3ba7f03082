// The request message of Python applications: what encoder_python.so writes in the router's threads
// and runtime_python.so reads in a worker. One fixed header, then
//
//   header.pairs     header.pairCount entries of Pair: a WSGI environ, key and value
//   (before bytes)   header.partCount entries of Part, up to header.bytes: for ASGI, the fields
//   that
//                    repeat an earlier one; their values lie in that one's, joined
//   header.bytes     the bytes of names and values that have no number (names.hpp)
//   header.reserved  what is left of the message, zeroed: room for later layouts
//
// Native-endian, any alignment: everything is copied with memcpy. The memory is shared with the
// other workers of the application, so the reader copies each entry before it checks it and trusts
// nothing else. Pairs are unique by environ key; repeated fields are joined.
// Not in the message because the runtime's prepared environ has them: the defaults of names.hpp,
// SCRIPT_NAME, SERVER_SOFTWARE and the other wsgi.* members.
#pragma once

#include "names.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace patchbay::python {

inline constexpr std::uint32_t kMessageLayout = 0x50590002; // "PY", layout 2

struct MessageHeader {
    std::uint32_t layout; // kMessageLayout
    std::uint32_t size;   // of the whole message, this header included
    std::uint32_t pairs;  // offset of the pairs
    std::uint32_t pairCount;
    std::uint32_t bytes; // offset of the bytes
    std::uint32_t bytesSize;
    std::uint32_t reserved; // offset of the rest
    std::uint32_t reservedSize;
    std::uint64_t exchangeId;
    std::uint64_t contentLength; // of the body, decoded
    std::uint32_t engine;
    std::uint32_t target; // 0: the application's first
    std::uint32_t flags;  // enum pb_request_flags
    std::uint32_t partCount;
};
static_assert(sizeof(MessageHeader) == 64);

// The name of a header field is there in lower case, if it has no number or is spelled with "_".
struct Pair {
    std::uint32_t offset;    // from header.bytes: the name's bytes, right behind them the value's
    std::uint32_t keySize;   // 0 when the key has a number and the usual spelling
    std::uint32_t valueSize; // 0 when the value has a number
    std::uint32_t hash;      // of a name without a number (hashStep); 0 else
    std::uint8_t key;        // number in kKeyNames, or kOwnName
    std::uint8_t value;      // number in kValueTexts, kOwnValue or kPreviousValue
    std::uint16_t field;     // place among the header fields, from 1; 0: it is none
};
static_assert(sizeof(Pair) == 20);

inline constexpr std::uint16_t kAddedField = 0xFFFF; // Host of an absolute target: the last

// One more value of a field that is in the pairs.
struct Part {
    std::uint32_t value; // from header.bytes
    std::uint32_t valueSize;
    std::uint32_t name;     // from header.bytes
    std::uint32_t nameSize; // 0: as in the pair
    std::uint16_t pair;     // its index
    std::uint16_t field;    // as in Pair
};
static_assert(sizeof(Part) == sizeof(Pair)); // they share the room that the encoder asks for

inline constexpr std::size_t kSeparatorSize = 2; // between joined values: ", " or "; "

// FNV-1a: lets the runtime find a key string it has made before without hashing it again.
inline constexpr std::uint32_t kHashSeed = 2166136261u;
inline constexpr std::uint32_t hashStep(std::uint32_t hash, unsigned char byte)
{
    return (hash ^ byte) * 16777619u;
}

// Entries as the reader hands them out; views point into the message.
struct PairView {
    std::string_view ownKey;   // may be empty when key is a number
    std::string_view ownValue; // empty when value is a number
    std::uint32_t hash;
    std::uint8_t key;   // < kKeyNames.size()
    std::uint8_t value; // < kValueTexts.size()
    std::uint16_t field;
};
struct PartView {
    std::string_view name; // empty: the pair's
    std::string_view value;
    std::uint16_t pair; // < header().pairCount
    std::uint16_t field;
};

class MessageReader {
public:
    // nullopt: not a message of this layout, or one whose parts lie outside of it.
    static std::optional<MessageReader> open(const std::uint8_t *data, std::size_t size) noexcept
    {
        MessageHeader header;
        if (data == nullptr || size < sizeof header) {
            return std::nullopt;
        }
        std::memcpy(&header, data, sizeof header);
        if (header.layout != kMessageLayout || header.size != size ||
            !inside(header.pairs, std::uint64_t{header.pairCount} * sizeof(Pair), size) ||
            !inside(header.bytes, header.bytesSize, size) ||
            std::uint64_t{header.partCount} * sizeof(Part) > header.bytes ||
            !inside(header.reserved, header.reservedSize, size)) {
            return std::nullopt;
        }
        return MessageReader(data, header);
    }

    const MessageHeader &header() const noexcept { return header_; }

    // Entry `index` < header().pairCount; false when it points outside.
    bool pair(std::uint32_t index, PairView &out) const noexcept
    {
        Pair entry;
        std::memcpy(&entry, data_ + header_.pairs + std::size_t{index} * sizeof entry,
                    sizeof entry);
        if (entry.key >= kKeyNames.size() || entry.value >= kValueTexts.size() ||
            !inside(entry.offset, std::uint64_t{entry.keySize} + entry.valueSize,
                    header_.bytesSize)) {
            return false;
        }
        const char *bytes = reinterpret_cast<const char *>(data_) + header_.bytes + entry.offset;
        out = {{bytes, entry.keySize},
               {bytes + entry.keySize, entry.valueSize},
               entry.hash,
               entry.key,
               entry.value,
               entry.field};
        return true;
    }

    // Entry `index` < header().partCount; false when it points outside.
    bool part(std::uint32_t index, PartView &out) const noexcept
    {
        Part entry;
        const std::size_t begin = header_.bytes - header_.partCount * sizeof entry;
        std::memcpy(&entry, data_ + begin + std::size_t{index} * sizeof entry, sizeof entry);
        if (entry.pair >= header_.pairCount ||
            !inside(entry.value, entry.valueSize, header_.bytesSize) ||
            !inside(entry.name, entry.nameSize, header_.bytesSize)) {
            return false;
        }
        const char *bytes = reinterpret_cast<const char *>(data_) + header_.bytes;
        out = {{bytes + entry.name, entry.nameSize},
               {bytes + entry.value, entry.valueSize},
               entry.pair,
               entry.field};
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

    const std::uint8_t *data_; // the exchange's
    MessageHeader header_;     // a copy: the original may change under us
};

} // namespace patchbay::python
