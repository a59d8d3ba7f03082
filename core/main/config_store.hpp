// Process "main": where configurations come from and which one is in effect. Texts are kept in
// memory files, never in main's own memory: every application starts as a copy of that memory, and
// must not find the others' secrets there.
#pragma once

#include "base/unique_fd.hpp"

#include <cstddef>
#include <string>

namespace patchbay::main_ {

class ConfigStore {
public:
    static constexpr std::size_t kMaxSize = 100 * 1024 * 1024;

    // file: of --config; empty: none, an empty configuration is all there is.
    explicit ConfigStore(std::string file) : file_(std::move(file)) {}

    bool hasFile() const noexcept { return !file_.empty(); }
    const std::string &file() const noexcept { return file_; }

    // The file as it is now, as a memory file. Throws Error naming the file.
    UniqueFd read() const;

    // The text that the router has in effect; a router that is started again gets it.
    void setActive(UniqueFd text) noexcept { active_ = std::move(text); }
    int active() const noexcept { return active_.get(); } // -1: none yet

private:
    std::string file_;
    UniqueFd active_;
};

} // namespace patchbay::main_
