// How a request travels from encoder.cpp, in the router, to runtime.cpp, in a worker: its texts one
// behind the other, each behind its length. Both are of one build and one machine.
#pragma once

#include <patchbay/module.hpp>

#include <cstring>
#include <stdexcept>

namespace example {

inline std::size_t sizeOf(pb_str text)
{
    return sizeof(std::uint32_t) + text.size;
}

inline std::uint8_t *put(std::uint8_t *out, pb_str text)
{
    const auto size = static_cast<std::uint32_t>(text.size);
    std::memcpy(out, &size, sizeof size);
    if (text.size != 0) {
        std::memcpy(out + sizeof size, text.data, text.size);
    }
    return out + sizeof size + text.size;
}

// Takes the next text off the front of the message. Throws when there is none.
inline std::string_view take(std::span<const std::uint8_t> &message)
{
    std::uint32_t size = 0;
    if (message.size() < sizeof size) {
        throw std::runtime_error("the message ends too early");
    }
    std::memcpy(&size, message.data(), sizeof size);
    message = message.subspan(sizeof size);
    if (message.size() < size) {
        throw std::runtime_error("the message ends too early");
    }
    const std::string_view text(reinterpret_cast<const char *>(message.data()), size);
    message = message.subspan(size);
    return text;
}

} // namespace example
