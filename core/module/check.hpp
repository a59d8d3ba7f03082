// [any] The rules a descriptor must keep, in the order they are checked; each has a broken module
// in tests/contract/. Knows nothing of files being loaded.
#pragma once

#include "patchbay/abi.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace patchbay::modules {

// "listener", "encoder", "runtime"; empty for a kind this core does not know.
std::string_view kindName(std::uint32_t kind) noexcept;

// A runtime whose workers become programs of their own. The descriptor has passed the check.
bool isProgram(const pb_module &module) noexcept;

// What is wrong, for a person, and by which rule. No text: nothing.
struct Fault {
    std::string_view rule; // one of kRules
    std::string text;
    bool empty() const noexcept { return text.empty(); }
};

// In the order in which they are checked. The first two are the loader's, the others those of a
// descriptor.
inline constexpr std::string_view kRules[] = {"load",    "symbol", "abi",   "id",
                                              "members", "table",  "schema"};

Fault descriptorFault(const pb_module &module);
// The parts of it that need no table, also for manifests. Same result.
std::string idFault(std::string_view id, std::uint32_t kind);
std::string schemaFault(std::string_view schema);

// A member is there only if the table is long enough to have it.
template <class Table, class Member>
bool covers(const Table &table, const Member &member) noexcept
{
    const auto *begin = reinterpret_cast<const unsigned char *>(&table);
    const auto *end = reinterpret_cast<const unsigned char *>(&member) + sizeof(Member);
    return static_cast<std::size_t>(end - begin) <= table.struct_size;
}

} // namespace patchbay::modules
