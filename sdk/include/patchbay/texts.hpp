// The simplest message between an encoder and its runtime: texts one behind the other, each behind
// its length. Absent texts become empty ones. Both ends are of one machine, so the length is as the
// machine has it.
#pragma once

#include "patchbay/abi.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string_view>

namespace patchbay::sdk {

// Bytes that putText() writes.
constexpr std::size_t textSize(pb_str text) noexcept
{
    return sizeof(std::uint32_t) + text.size;
}

// Writes the text and returns where the next one goes.
inline std::uint8_t *putText(std::uint8_t *out, pb_str text) noexcept
{
    const auto size = static_cast<std::uint32_t>(text.size);
    std::memcpy(out, &size, sizeof size);
    if (size != 0) {
        std::memcpy(out + sizeof size, text.data, size);
    }
    return out + textSize(text);
}

// Takes the next text off the front of the message, which it borrows. Throws std::runtime_error
// when there is none.
inline std::string_view takeText(std::span<const std::uint8_t> &message)
{
    std::uint32_t size = 0;
    if (message.size() >= sizeof size) {
        std::memcpy(&size, message.data(), sizeof size);
    }
    if (message.size() < sizeof size + std::size_t{size}) {
        throw std::runtime_error("the message ends too early");
    }
    const auto *text = reinterpret_cast<const char *>(message.data()) + sizeof size;
    message = message.subspan(sizeof size + size);
    return {text, size};
}

} // namespace patchbay::sdk
