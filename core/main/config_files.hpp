// Process "main": the declared configuration of file mode, FILE and the conf.d/*.json beside it,
// and the files that it refers to. Texts are copied into memory files, never into main's own
// memory: every application starts as a copy of that memory, and must not find the others' secrets
// there.
#pragma once

#include "base/unique_fd.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace patchbay::main_ {

class ConfigFiles {
public:
    // file: of --config; empty: none, the configuration comes from the API.
    explicit ConfigFiles(std::string file) : file_(std::move(file)) {}

    bool hasFile() const noexcept { return !file_.empty(); }
    const std::string &file() const noexcept { return file_; }

    // The files as they are now, as a bundle (ipc/bundle.hpp): FILE, then the others in byte order
    // of their names. Only with a file. Throws FileError naming the one that cannot be read,
    // SystemError.
    UniqueFd read() const;

private:
    std::vector<std::string> included() const;

    std::string file_;
};

// Of a ${file:...}: a certificate's key, a password.
inline constexpr std::size_t kMaxReferenced = std::size_t{64} << 10;
// Throws FileError, SystemError.
UniqueFd readReferenced(const std::string &path);

} // namespace patchbay::main_
