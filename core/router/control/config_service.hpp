// [control] What can be done to the configuration: by the API, by SIGHUP, by main at the start.
// Each change is one job: it waits inside the loop, and no other begins before it is done (A12).
// Then main keeps what is in effect, and stores it.
#pragma once

#include "router/control/config_keeper.hpp"
#include "router/control/reconfigure.hpp"
#include "json/edit.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace patchbay::control {

// Who changes, for log and history.
struct Author {
    std::uint32_t uid = kUnknownUid;
    std::string origin; // "api", "file", "modules", "rollback", "restart": [a-z-]{1,16}
};

// A change that cannot even be tried.
class EditError : public Error {
public:
    enum class Kind : std::uint8_t {
        notFound,  // no such value, application or version
        notArray,  // POST to something else
        conflict,  // If-Match names another configuration
        fromFiles, // the configuration comes from files, which do not let the API change it
        unreadable // main cannot read the files, or a version
    };
    EditError(Kind kind, const std::string &text) : Error(text), kind_(kind) {}
    Kind kind() const noexcept { return kind_; }

private:
    Kind kind_;
};

struct Outcome {
    std::string warning; // it is in effect, but could not be stored
    // What does not run as configured: applications that cannot be started or serve with their old
    // version, and whatever lacks its module.
    std::vector<std::string> degraded;
    std::vector<LeftOut> leftOut;    // the latter
    std::optional<json::Value> plan; // of a dry run: nothing else happened
    json::Value changed;             // of a dry run: [{"pointer", "before", "after"}], as declared
};

class ConfigService {
public:
    // Changes `root`, a copy of what is declared; throws EditError.
    using Edit = std::function<void(json::Value &root)>;

    // configFile: of file mode; empty: the API's changes are all there is.
    ConfigService(ControlLoop &loop, Controller &controller, ConfigKeeper &keeper,
                  std::string configFile);
    ConfigService(const ConfigService &) = delete;
    ConfigService &operator=(const ConfigService &) = delete;

    // The jobs. Each throws ConfigError, EditError, Error, and then nothing has changed.

    // ifMatch: value of If-Match, the tags of the configuration that is to be changed; empty: any.
    Outcome edit(const Edit &edit, const std::string &ifMatch, const Author &author, bool dryRun);
    // The files, if there are any, and the modules.
    Outcome reload(std::uint32_t uid, bool dryRun);
    // A version of the history.
    Outcome rollback(std::uint64_t id, const Author &author, bool dryRun);
    void restart(const std::string &application, const Author &author);
    // What could not be stored, if there is something.
    void storeAgain();
    // What main begins with.
    void begin(ipc::ConfigOrigin origin, std::vector<ipc::NamedText> texts, std::uint32_t uid);

    // What may be asked at any time.

    bool fileMode() const noexcept { return !configFile_.empty(); }
    const std::string &configFile() const noexcept { return configFile_; }
    const json::Value &declared() const noexcept; // before the first change: an empty one
    const std::string &tag() const noexcept;
    std::chrono::system_clock::time_point since() const noexcept { return since_; }
    const std::string &storeError() const noexcept { return storeError_; } // empty: it is stored
    // JSON pointers of what differs from the files; empty in API mode.
    std::vector<std::string> drift() const;

private:
    // What a look at the modules has found: nothing new, or their catalog.
    struct Found {
        std::uint64_t id = 0; // of discoverModules()
        Controller::Modules modules;
    };
    Found findModules();
    Outcome put(DeclaredConfig declared, Controller::Demand demand, const Author &author,
                bool dryRun, Found found);
    // Runs the change; why it is refused goes to the log.
    template <class Change>
    auto noted(const Author &author, bool dryRun, const Change &change);
    DeclaredConfig readFiles();
    void keep(const Author &author, bool store, std::uint64_t modules = 0);
    void activate(const Author &author, bool store, std::uint64_t modules);

    ControlLoop &loop_;
    Controller &controller_;
    ConfigKeeper &keeper_;
    std::string configFile_;
    std::optional<json::Value> files_; // what the files declared when they were last applied
    std::chrono::system_clock::time_point since_;
    int storeErrno_ = 0;
    std::string storeError_;
    Author unstored_; // of what could not be stored
};

} // namespace patchbay::control
