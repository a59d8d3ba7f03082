// Process "main": what the server may begin with, best first. File mode: the files, nothing else.
// API mode: the stored configuration, earlier versions of it, an empty one; so that a configuration
// that has become unusable never keeps the server, and with it the control API, from starting.
#pragma once

#include "base/unique_fd.hpp"
#include "ipc/message.hpp"
#include "main/config_files.hpp"
#include "main/state_store.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace patchbay::main_ {

class StartChoices {
public:
    struct Choice {
        ipc::ConfigOrigin origin;
        uid_t author;
        UniqueFd bundle;
    };

    // File mode: reads the files. Throws Error saying why they cannot be read. The references must
    // outlive this.
    StartChoices(const ConfigFiles &files, const StateStore &state);

    // The next one to try, announced in the log if one before was refused; nullopt: no more. Throws
    // SystemError.
    std::optional<Choice> next();

private:
    enum class Stage { files, current, history, empty, none };

    std::optional<Choice> current();
    std::optional<Choice> earlier();
    std::vector<Version> listVersions() const;
    Choice empty();
    Choice offer(const std::string &name, UniqueFd text, uid_t author);

    const StateStore &state_;
    Stage stage_;
    UniqueFd files_;
    std::optional<std::vector<Version>> versions_; // left to try; listed when they are needed
    UniqueFd last_;                                // the text offered last, so refused since
    bool stored_ = false;                          // there is a stored configuration
};

} // namespace patchbay::main_
