// [worker] Checks and packs the head of a response (ipc/reply_format.hpp). An application's status
// and fields are checked here, before they reach the router, so that the application learns of it.
#pragma once

#include "patchbay/abi.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace patchbay::worker {

// Why this head cannot be sent; empty: it can. The text names the field.
std::string headFault(std::uint32_t status, std::span<const pb_field> fields);

// Bytes of a head that passed headFault().
std::size_t headSize(std::span<const pb_field> fields) noexcept;
// Writes exactly headSize() bytes.
void writeHead(unsigned char *out, std::uint32_t status, std::span<const pb_field> fields) noexcept;

} // namespace patchbay::worker
