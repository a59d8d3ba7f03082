// Process "main": the state directory (daemon.md 2). What is stored there is text that the router
// made; main does not look into it.
//   conf.json     the configuration in effect (API mode)
//   version       level of its language
//   history/      earlier ones (history.hpp)
//   certs/, scripts/   items by name
#pragma once

#include "base/unique_fd.hpp"
#include "main/history.hpp"

#include <string>
#include <string_view>

namespace patchbay::main_ {

class StateStore {
public:
    explicit StateStore(std::string directory);

    // At start: makes the directory, writes `version`, removes what a crash has left. Throws Error;
    // the server runs all the same, and storing is tried again each time.
    void prepare() const;

    std::string currentPath() const { return directory_ + "/conf.json"; }
    // conf.json as a memfd; empty: there is none. Throws FileError, SystemError.
    UniqueFd readCurrent() const;
    // Replaces it by the text (a memfd). Throws Error; the old one is untouched then.
    void storeCurrent(int text) const;

    const History &history() const noexcept { return history_; }
    // As History::add().
    void storeVersion(int text, Version version, std::size_t keep) const;

    // area: "certs" or "scripts". name: any but those that would leave the directory. All throw
    // FileError: EINVAL for a bad area or name, ENOENT for an item that is not there.
    void storeItem(std::string_view area, const std::string &name, int text) const;
    void removeItem(std::string_view area, const std::string &name) const;
    // All items, as a bundle; one that cannot be read is left out, with a line in the log.
    UniqueFd readArea(std::string_view area) const;

private:
    std::string areaPath(std::string_view area) const;
    std::string itemPath(std::string_view area, const std::string &name) const;
    void writeVersion() const;

    std::string directory_;
    std::string
        temporary_; // one file under work at a time; not inside of areas, whose names are free
    History history_;
};

} // namespace patchbay::main_
