// Before: patchbayd.cpp has parsed the command line. After: supervisor.cpp runs until the end.
#include "main/daemon.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/process_title.hpp"
#include "main/check_child.hpp"
#include "main/config_files.hpp"
#include "main/control_socket.hpp"
#include "main/discovery_child.hpp"
#include "main/files.hpp"
#include "main/service_notify.hpp"
#include "main/start_choices.hpp"
#include "main/start_report.hpp"
#include "main/state_store.hpp"
#include "main/supervisor.hpp"
#include "module/discovery.hpp"

#include <unistd.h>

#include <filesystem>
#include <optional>

namespace patchbay::main_ {
namespace {

constexpr const char *kFallbackUser = "nobody"; // every Debian system has it

void makePathsAbsolute(Options &options)
{
    for (std::string *path : {&options.pidFile, &options.logFile, &options.modulesDir,
                              &options.stateDir, &options.tmpDir, &options.config}) {
        *path = absolutePath(*path);
    }
}

// Nothing is stored there that the server could not run without.
void prepareState(const StateStore &state)
{
    try {
        state.prepare();
    } catch (const Error &error) {
        log::alert("%s", error.what());
    }
}

RouterProcess::Settings routerSettings(const Options &options, const ControlSocket &control,
                                       worker::Credentials user)
{
    RouterProcess::Settings settings;
    settings.modulesDir = chooseModulesDir(options);
    settings.modulesSeen = modules::fingerprint(settings.modulesDir); // before: never too new
    settings.manifest = discoverModules(settings.modulesDir, user);
    settings.tmpDir = options.tmpDir;
    settings.user = std::move(user);
    settings.asUnit = product().asUnit;
    settings.control = control.fd();
    settings.controlAddress = control.address();
    settings.controlUsers = control.users();
    settings.configFile = options.config;
    settings.stateDir = options.stateDir;
    return settings;
}

// In the order of daemon.md 3; what is made here goes in the reverse order.
int start(const Options &options, StartReport &report, ServiceNotify &service)
{
    const Product &self = product();
    log::info("%s %s started", self.program, self.version);
    worker::Credentials user = chooseUser(options);
    ConfigFiles files(options.config);
    StateStore state(options.stateDir);
    StartChoices choices(files, state);
    SignalSource signals; // from here on we are told to end, not killed: there are files to remove
    std::optional<PidFile> pidFile(std::in_place, options.pidFile);
    prepareState(state);
    LogFile log(options.logFile);
    log.open();
    ControlSocket control(parseControlAddress(options.control),
                          {options.controlMode, options.controlUser, options.controlGroup});
    RouterProcess::Settings settings = routerSettings(options, control, std::move(user));
    Supervisor::Parts parts{files, state, control, log, signals, report, service};
    int status = Supervisor(std::move(settings), parts, std::move(choices)).run();
    pidFile.reset(); // who waits for the control socket to vanish may start the next daemon then
    return status;
}

} // namespace

worker::Credentials chooseUser(const Options &options)
{
    if (!worker::canChangeCredentials()) {
        if (options.userGiven || options.groupGiven) {
            log::warn(
                "options \"--user\" and \"--group\" are ignored: the daemon was not started by "
                "root");
        }
        return {};
    }
    std::string user = options.user;
    if (!options.userGiven && !worker::userExists(user)) {
        log::warn("the user \"%s\" does not exist: \"%s\" is used", user.c_str(), kFallbackUser);
        user = kFallbackUser;
    }
    // Without --group: the default group goes with the default user, another user has its own.
    bool takeGroup = options.groupGiven || (user == options.user && !options.userGiven &&
                                            worker::groupExists(options.group));
    return worker::resolveCredentials(user, takeGroup ? options.group : "");
}

std::string chooseModulesDir(const Options &options)
{
    if (options.modulesDirGiven) {
        return absolutePath(options.modulesDir);
    }
    std::error_code error;
    std::filesystem::path binary = std::filesystem::read_symlink("/proc/self/exe", error);
    std::filesystem::path tree = binary.parent_path().parent_path();
    if (!error && std::filesystem::exists(tree / "CMakeCache.txt", error) &&
        std::filesystem::is_directory(tree / "modules", error)) {
        return tree / "modules";
    }
    return options.modulesDir;
}

int runDaemon(Options options, const std::string &commandLine)
{
    makePathsAbsolute(options);
    log::setLevel(options.logLevel);
    StartReport report;
    ServiceNotify service;
    try {
        if (options.daemon) {
            report.becomeDaemon();
        }
        setProcessTitle(std::string(product().program) + ": main v" + product().version + " [" +
                        commandLine + "]");
        return start(options, report, service);
    } catch (const std::exception &error) {
        report.error(error.what());
        return 1;
    }
}

namespace {

// What only answers a question keeps to the answer, unless asked for more.
log::Level answerLevel(const Options &options)
{
    return options.logLevel == log::Level::info ? log::Level::warn : options.logLevel;
}

} // namespace

int runTest(const Options &options)
{
    log::setLevel(answerLevel(options));
    UniqueFd files = ConfigFiles(options.config).read();
    CheckRequest request;
    request.files = files.get();
    request.source = options.config;
    request.control = options.control;
    request.modulesDir = chooseModulesDir(options);
    request.tmpDir = absolutePath(options.tmpDir);
    request.user = chooseUser(options);
    return checkConfiguration(request);
}

int runListModules(const Options &options)
{
    log::setLevel(answerLevel(options));
    return listModules(chooseModulesDir(options), options.json, chooseUser(options));
}

} // namespace patchbay::main_
