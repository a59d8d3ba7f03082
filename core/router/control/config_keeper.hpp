// [control] What process main keeps for the router: the configuration files, the state directory,
// its history, and the text a new router starts with. Answers come later, on [control], never from
// within the call. Errors are an errno and a sentence that names the file; 0 and "" when all is
// well.
#pragma once

#include "ipc/bundle.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::control {

inline constexpr std::uint32_t kUnknownUid = UINT32_MAX; // a client that came over TCP

// "user 1000", for the log.
inline std::string userText(std::uint32_t uid)
{
    return uid == kUnknownUid ? "an unknown user" : "user " + std::to_string(uid);
}

struct Failure {
    int error = 0; // errno; 0: none
    std::string text;
};

// One configuration of the history.
struct ConfigVersion {
    std::uint64_t id = 0;
    std::uint64_t time = 0; // seconds since 1970
    std::uint32_t uid = kUnknownUid;
    std::string origin; // "file", "api", ...
};

struct Activation {
    std::string text; // the declared configuration, compact
    bool store = true;
    std::uint32_t uid = kUnknownUid;
    std::uint32_t versionsKept = 10;
    std::string origin;
    std::uint64_t modules =
        0; // an id of discoverModules(), whose modules are in use now; 0: no change
};

class ConfigKeeper {
public:
    using Stored = std::function<void(Failure)>;
    using Files = std::function<void(Failure, std::vector<ipc::NamedText>)>;
    using File = std::function<void(Failure, std::string text)>;
    // manifest (module/catalog.hpp); empty: there is no change
    using Modules = std::function<void(Failure, std::uint64_t id, std::string manifest)>;
    using Versions = std::function<void(std::vector<ConfigVersion>)>; // newest first

    ConfigKeeper() = default;
    ConfigKeeper(const ConfigKeeper &) = delete;
    ConfigKeeper &operator=(const ConfigKeeper &) = delete;
    virtual ~ConfigKeeper() = default;

    // This is in effect: what a router that is started again gets; store: on disk, too.
    virtual void activate(const Activation &activation, Stored answer) = 0;
    virtual void readConfig(Files answer) = 0;
    virtual void readFile(const std::string &path, File answer) = 0;
    virtual void listHistory(Versions answer) = 0;
    virtual void readHistory(std::uint64_t id, File answer) = 0;

    // What modules there are now, in comparison with those in use; `always`: not by comparison of
    // files alone, as what a module needs may have come.
    virtual void discoverModules(bool always, Modules answer) = 0;

    // Items by name in an area of the state directory: "certs", "scripts".
    virtual void readArea(const std::string &area, Files answer) = 0; // all, sorted by name
    virtual void storeItem(const std::string &area, const std::string &name, std::string_view text,
                           Stored answer) = 0; // replaces it
    virtual void removeItem(const std::string &area, const std::string &name, Stored answer) = 0;
};

} // namespace patchbay::control
