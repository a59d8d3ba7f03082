// [engine] Sorts out a request's fields before they are written: which known name each has, and
// which ones repeat an earlier name. Time is n log n for n fields whatever a client sends; memory
// is this object, on the caller's stack, of which only the first n entries are touched.
#pragma once

#include "../names.hpp"
#include "patchbay/abi.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace patchbay::python {

inline unsigned char lowerByte(unsigned char byte) noexcept
{
    return byte >= 'A' && byte <= 'Z' ? static_cast<unsigned char>(byte - 'A' + 'a') : byte;
}
// Such names are there only when "discard_unsafe_fields" is off: "x_a" and "x-a" are one name of an
// environ and two of ASGI.
inline bool hasUnderscore(std::string_view name) noexcept
{
    return name.find('_') != std::string_view::npos;
}
bool sameSpelling(std::string_view a, std::string_view b) noexcept; // but for case

class FieldGroups {
public:
    // Fields behind these are left out of the environ. A header block of the default limit holds
    // half as many.
    static constexpr std::size_t kMaxFields = 16384;
    static constexpr std::uint16_t kNone = 0xFFFF;

    FieldGroups(const pb_field *fields, std::size_t count) noexcept;
    FieldGroups(const FieldGroups &) = delete;
    FieldGroups &operator=(const FieldGroups &) = delete;

    std::size_t count() const noexcept { return count_; }
    std::uint8_t key(std::size_t field) const noexcept { return key_[field]; }
    // An earlier field has the same name and reaches this one through next().
    bool repeats(std::size_t field) const noexcept { return repeats_[field]; }
    // The next field of the same name, or kNone.
    std::uint16_t next(std::size_t field) const noexcept { return next_[field]; }

private:
    void groupUnknown(const pb_field *fields, std::size_t unknown) noexcept;
    void link(std::uint16_t earlier, std::uint16_t later) noexcept;

    // Not initialised beyond count_, on purpose.
    std::size_t count_;
    std::array<std::uint8_t, kMaxFields> key_;
    std::array<bool, kMaxFields> repeats_;
    std::array<std::uint16_t, kMaxFields> next_;
    std::array<std::uint16_t, kMaxFields> unknown_; // fields without a known name, in order
};

} // namespace patchbay::python
