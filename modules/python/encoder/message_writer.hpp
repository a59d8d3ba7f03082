// [engine] Writes one message (message.hpp) into memory of a size known before. Cannot fail: the
// caller has made sure of the room. Nothing of the memory stays as it was.
#pragma once

#include "../message.hpp"
#include "patchbay/abi.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace patchbay::python {

class MessageWriter {
public:
    // out: `size` bytes, the caller's. pairRoom: the most pairs that will be added.
    MessageWriter(std::uint8_t *out, std::size_t size, std::size_t pairRoom) noexcept;

    // A pair with a known key; the value is copied. field: as in Pair.
    void add(std::uint8_t key, std::string_view value, std::uint16_t field = 0) noexcept;

    // The same for a value that may be one of kValueTexts.
    void addWord(std::uint8_t key, std::string_view value) noexcept;

    // The same for a header field: beginField() with the first value, repeatField() for each other
    // one, end().
    void beginField(std::uint8_t key, const pb_field &first, std::uint16_t field) noexcept;
    void repeatField(std::string_view separator, const pb_field &next,
                     std::uint16_t field) noexcept;
    void end() noexcept;
    std::size_t repeated() const noexcept { return parts_; }
    // After end(): the index-th repeatField() of all has a name of another spelling.
    void spellRepeated(std::size_t index, std::string_view name) noexcept;
    // What the last pair's value is; in the message's memory.
    std::string_view lastValue() const noexcept { return lastValue_; }

    void finish(const pb_request &request) noexcept;

private:
    void commit() noexcept;
    void appendValue(std::string_view part) noexcept;
    void copyName(std::string_view name) noexcept;
    void copy(std::string_view bytes) noexcept;

    std::uint8_t *out_;
    std::size_t size_;
    std::size_t bytes_;     // offset of the byte area
    std::size_t used_ = 0;  // of it
    std::size_t pairs_ = 0; // written, from the beginning of the room
    std::size_t parts_ = 0; // from its end
    std::size_t pairRoom_;
    Pair pair_{}; // the one being written
    std::string_view lastValue_;
};

} // namespace patchbay::python
