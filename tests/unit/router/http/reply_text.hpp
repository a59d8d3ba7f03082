// Builds what a worker would send (ipc/reply_format.hpp), right or wrong.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

namespace patchbay::http::test {

using ReplyFields = std::initializer_list<std::pair<std::string, std::string>>;

template <typename T>
void putRaw(std::string &out, T value)
{
    out.append(reinterpret_cast<const char *>(&value), sizeof value);
}

// blockDelta, countDelta: how far the declared numbers are off.
inline std::string makeReply(unsigned status, ReplyFields fields, int blockDelta = 0,
                             int countDelta = 0)
{
    std::string rest;
    putRaw(rest, static_cast<std::uint16_t>(status));
    putRaw(rest, static_cast<std::uint16_t>(static_cast<int>(fields.size()) + countDelta));
    for (const auto &[name, value] : fields) {
        putRaw(rest, static_cast<std::uint16_t>(name.size()));
        putRaw(rest, static_cast<std::uint32_t>(value.size()));
        rest += name + value;
    }
    std::string out;
    putRaw(out, static_cast<std::uint32_t>(static_cast<int>(rest.size()) + blockDelta));
    return out + rest;
}

} // namespace patchbay::http::test
