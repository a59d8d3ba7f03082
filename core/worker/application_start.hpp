// What a prototype is told to start: the blob of startPrototype (ipc/message.hpp). Written by the
// router, passed on unread by main, parsed here, in the prototype.
#pragma once

#include "ipc/isolation.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace patchbay::worker {

struct ApplicationStart {
    std::string name;
    std::string type;             // "python"
    std::string module;           // absolute path of the runtime module
    std::string options;          // JSON of the whole application
    std::string user, group;      // empty: the daemon's choice
    std::string workingDirectory; // empty: the daemon's
    std::vector<std::pair<std::string, std::string>> environment;
    std::string stdoutPath, stderrPath; // empty: none
    std::uint32_t threads = 1;          // request threads per worker
    std::uint64_t threadStackBytes = 0; // of all but the first, the main one; 0: the system's
    ipc::Isolation isolation;
};

inline constexpr std::size_t kMaxStartBlob = 16 * 1024 * 1024;

// Throws Error when the bytes are not what message.hpp says.
ApplicationStart parseApplicationStart(std::string_view blob);

} // namespace patchbay::worker
