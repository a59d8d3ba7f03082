// Process "main": earlier configurations in the state directory, one file each. A file's name
// carries what is known of it: "000012-1795424400-0-api.json" is version 12, of that second since
// 1970, by user 0, by the control API.
#pragma once

#include "base/unique_fd.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::main_ {

struct Version {
    std::uint64_t id = 0; // ids increase
    std::uint64_t time = 0;
    uid_t author = 0;
    std::string origin; // see isOrigin()
};

// 1 to 16 of a-z and "-".
bool isOrigin(std::string_view text) noexcept;

class History {
public:
    // temporary: as of replaceFile().
    History(std::string directory, std::string temporary)
        : directory_(std::move(directory)), temporary_(std::move(temporary))
    {
    }

    // Newest first. Files with other names are none of ours. Throws FileError.
    std::vector<Version> list() const;
    // Its text as a memfd. Throws FileError (ENOENT: there is no such version), SystemError.
    UniqueFd read(std::uint64_t id) const;
    UniqueFd read(const Version &version) const;

    // Stores the text (a memfd) as the newest version unless it equals the one that is; then
    // removes all but the newest `keep`. 0: none is kept. version.id is of no matter. Throws
    // FileError.
    void add(int text, Version version, std::size_t keep) const;

private:
    std::string pathOf(const Version &version) const;
    void removeAfter(const std::vector<Version> &versions, std::size_t keep) const;

    std::string directory_;
    std::string temporary_;
};

} // namespace patchbay::main_
