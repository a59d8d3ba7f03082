// Router process, engine threads. Called by encoder.cpp for each pair of the environ.
#include "message_writer.hpp"

#include "field_groups.hpp"

#include "patchbay/module.hpp"

#include <algorithm>

namespace patchbay::python {

MessageWriter::MessageWriter(std::uint8_t *out, std::size_t size, std::size_t pairRoom) noexcept
    : out_(out), size_(size), bytes_(sizeof(MessageHeader) + pairRoom * sizeof(Pair)),
      pairRoom_(pairRoom)
{
}

void MessageWriter::add(std::uint8_t key, std::string_view value, std::uint16_t field) noexcept
{
    pair_ = {};
    pair_.field = field;
    pair_.offset = static_cast<std::uint32_t>(used_);
    pair_.key = key;
    if (pairs_ != 0 && value == lastValue_) {
        pair_.value = kPreviousValue; // PATH_INFO is mostly REQUEST_URI
        commit();
        return;
    }
    appendValue(value);
    end();
}

void MessageWriter::addWord(std::uint8_t key, std::string_view value) noexcept
{
    const auto first = kValueTexts.begin() + kPreviousValue + 1;
    const auto known = std::find(first, kValueTexts.end(), value);
    if (known == kValueTexts.end()) {
        add(key, value);
        return;
    }
    pair_ = {};
    pair_.offset = static_cast<std::uint32_t>(used_);
    pair_.key = key;
    pair_.value = static_cast<std::uint8_t>(known - kValueTexts.begin());
    lastValue_ = *known;
    commit();
}

void MessageWriter::beginField(std::uint8_t key, const pb_field &first,
                               std::uint16_t field) noexcept
{
    pair_ = {};
    pair_.offset = static_cast<std::uint32_t>(used_);
    pair_.key = key;
    pair_.field = field;
    const std::string_view name = sdk::view(first.name);
    if (key == kOwnName || hasUnderscore(name)) {
        const std::uint8_t *from = out_ + bytes_ + used_;
        copyName(name);
        pair_.keySize = static_cast<std::uint32_t>(name.size());
        if (key == kOwnName) {
            pair_.hash = kHashSeed;
            for (std::size_t i = 0; i < name.size(); ++i) {
                pair_.hash = hashStep(pair_.hash, from[i]);
            }
        }
    }
    appendValue(sdk::view(first.value));
}

// The value stands in the joined one.
void MessageWriter::repeatField(std::string_view separator, const pb_field &next,
                                std::uint16_t field) noexcept
{
    appendValue(separator);
    Part part{};
    part.value = static_cast<std::uint32_t>(used_);
    part.valueSize = static_cast<std::uint32_t>(next.value.size);
    part.pair = static_cast<std::uint16_t>(pairs_);
    part.field = field;
    appendValue(sdk::view(next.value));
    ++parts_;
    std::memcpy(out_ + bytes_ - parts_ * sizeof part, &part, sizeof part);
}

void MessageWriter::appendValue(std::string_view part) noexcept
{
    copy(part);
    pair_.valueSize += static_cast<std::uint32_t>(part.size());
}

void MessageWriter::spellRepeated(std::size_t index, std::string_view name) noexcept
{
    Part part;
    std::uint8_t *at = out_ + bytes_ - (index + 1) * sizeof part;
    std::memcpy(&part, at, sizeof part);
    part.name = static_cast<std::uint32_t>(used_);
    part.nameSize = static_cast<std::uint32_t>(name.size());
    copyName(name);
    std::memcpy(at, &part, sizeof part);
}

void MessageWriter::end() noexcept
{
    lastValue_ = {reinterpret_cast<const char *>(out_) + bytes_ + used_ - pair_.valueSize,
                  pair_.valueSize};
    commit();
}

void MessageWriter::finish(const pb_request &request) noexcept
{
    MessageHeader header{};
    header.layout = kMessageLayout;
    header.size = static_cast<std::uint32_t>(size_);
    header.pairs = sizeof header;
    header.pairCount = static_cast<std::uint32_t>(pairs_);
    header.bytes = static_cast<std::uint32_t>(bytes_);
    header.bytesSize = static_cast<std::uint32_t>(used_);
    header.reserved = static_cast<std::uint32_t>(bytes_ + used_);
    header.reservedSize = static_cast<std::uint32_t>(size_ - bytes_ - used_);
    header.exchangeId = request.exchange_id;
    header.contentLength = request.content_length;
    header.engine = request.engine;
    header.target = request.target_index;
    header.flags = request.flags;
    header.partCount = static_cast<std::uint32_t>(parts_);
    std::memcpy(out_, &header, sizeof header);

    std::uint8_t *unusedPairs = out_ + sizeof header + pairs_ * sizeof(Pair);
    std::memset(unusedPairs, 0, (pairRoom_ - pairs_ - parts_) * sizeof(Pair));
    std::memset(out_ + header.reserved, 0, header.reservedSize);
}

void MessageWriter::commit() noexcept
{
    std::memcpy(out_ + sizeof(MessageHeader) + pairs_ * sizeof(Pair), &pair_, sizeof pair_);
    ++pairs_;
}

// In lower case, as ASGI has it.
void MessageWriter::copyName(std::string_view name) noexcept
{
    std::uint8_t *to = out_ + bytes_ + used_;
    for (const char c : name) {
        *to++ = lowerByte(static_cast<unsigned char>(c));
    }
    used_ += name.size();
}

void MessageWriter::copy(std::string_view bytes) noexcept
{
    if (!bytes.empty()) { // an empty view may have no address
        std::memcpy(out_ + bytes_ + used_, bytes.data(), bytes.size());
        used_ += bytes.size();
    }
}

} // namespace patchbay::python
