// [control] See provision.hpp. After config_document, before anything is opened.
#include "router/control/provision.hpp"

#include "module/host.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <string>

namespace patchbay::control {
namespace {

using Stage = ConfigError::Stage;

ConfigError setUpError(const ConfigDocument &document, const ListenerConfig &listener,
                       const std::string &message)
{
    json::Value cause = json::Value::object();
    if (listener.module != nullptr) {
        cause.add("module", json::Value::string(listener.module->file));
    }
    cause.add("message", json::Value::string(message));
    return document.errorAt(Stage::apply, listener.pointer, listener.offset,
                            "Listener \"" + listener.address + "\" cannot be set up: " + message,
                            std::move(cause));
}

ModuleSource::ListenerPtr instanceOf(const ConfigDocument &document, const ListenerConfig &listener,
                                     ModuleSource &modules, ListenerPool &pool)
{
    if (listener.module == nullptr) {
        throw setUpError(document, listener, listener.lacking);
    }
    std::string key = listener.module->id + '\n' + listener.module->stamp + '\n' + listener.options;
    try {
        return pool.acquire(key, [&] { return modules.makeListener(listener); });
    } catch (const Error &error) {
        throw setUpError(document, listener, error.what());
    }
}

ResolvedListener resolveOne(const ConfigDocument &document, const ListenerConfig &listener,
                            ModuleSource &modules, const ModuleSource::ListenerPtr &instance)
{
    try {
        return {&listener, instance, modules.resolve(instance, listener)};
    } catch (const modules::InvalidAddress &error) {
        std::vector<json::Problem> problems(1);
        problems[0].detail = error.what();
        problems[0].reason = error.reason();
        problems[0].pointer = listener.pointer;
        problems[0].offset = listener.offset;
        throw ConfigError(Stage::validation, *document.declared.sources, std::move(problems));
    } catch (const Error &error) {
        throw setUpError(document, listener, error.what());
    }
}

// One address written in two ways: both places are named.
[[noreturn]] void refuseSame(const ConfigDocument &document, const ListenerConfig &first,
                             const ListenerConfig &second, const std::string &canonical)
{
    std::string detail = "Listeners \"" + first.address + "\" and \"" + second.address +
                         "\" are the same address, " + canonical + ".";
    std::vector<json::Problem> problems(2);
    problems[0].detail = detail;
    problems[0].pointer = second.pointer;
    problems[0].offset = second.offset;
    problems[1].detail = detail;
    problems[1].pointer = first.pointer;
    problems[1].offset = first.offset;
    throw ConfigError(Stage::validation, *document.declared.sources, std::move(problems));
}

[[noreturn]] void refuseOption(const ConfigDocument &document, const ApplicationConfig &application,
                               const char *option, std::string detail)
{
    const json::Value *value = nullptr;
    if (const json::Value *all = document.declared.root.find("applications")) {
        if (const json::Value *mine = all->find(application.name)) {
            value = mine->find(option);
        }
    }
    throw document.errorAt(Stage::validation, application.pointer + "/" + option,
                           value != nullptr ? value->offset() : application.offset,
                           std::move(detail));
}

} // namespace

std::vector<ResolvedListener> resolveListeners(const ConfigDocument &document,
                                               ModuleSource &modules, ListenerPool &pool,
                                               const Substitute &substitute)
{
    std::vector<ResolvedListener> resolved;
    std::map<std::string, const ListenerConfig *> seen;
    for (const ListenerConfig &listener : document.listeners) {
        std::optional<ModuleSource::ListenerPtr> instance;
        try {
            instance = instanceOf(document, listener, modules, pool);
        } catch (const ConfigError &error) {
            if (!substitute) {
                throw;
            }
            instance = substitute(listener, error);
        }
        if (!instance) {
            continue;
        }
        resolved.push_back(resolveOne(document, listener, modules, *instance));
        auto [known, added] = seen.emplace(resolved.back().spec.canonical, &listener);
        if (!added) {
            refuseSame(document, *known->second, listener, known->first);
        }
    }
    return resolved;
}

void checkSurroundings(const ConfigDocument &document)
{
    for (const ApplicationConfig &application : document.applications) {
        if (!application.user.empty() && ::getpwnam(application.user.c_str()) == nullptr) {
            refuseOption(document, application, "user",
                         "The user \"" + application.user + "\" does not exist.");
        }
        if (!application.group.empty() && ::getgrnam(application.group.c_str()) == nullptr) {
            refuseOption(document, application, "group",
                         "The group \"" + application.group + "\" does not exist.");
        }
        if (application.workingDirectory.empty() || !application.isolation.rootfs.empty()) {
            continue; // inside of a rootfs we do not look
        }
        struct stat status {};
        int error = ::stat(application.workingDirectory.c_str(), &status) != 0 ? errno : 0;
        if (error == 0 && !S_ISDIR(status.st_mode)) {
            error = ENOTDIR;
        }
        if (error != 0 && error != EACCES) { // the application's user may see what we may not
            refuseOption(document, application, "working_directory",
                         "The working directory \"" + application.workingDirectory +
                             "\" cannot be entered: " + errnoText(error) + ".");
        }
    }
}

ModuleSource::ListenerPtr RegistryModules::makeListener(const ListenerConfig &listener)
{
    return std::make_shared<modules::ListenerInstance>(registry_.module(*listener.module),
                                                       modules::host(), listener.options);
}

pb_socket_spec RegistryModules::resolve(const ListenerPtr &instance, const ListenerConfig &listener)
{
    return instance->resolve(listener.address);
}

std::shared_ptr<modules::SinkInstance> RegistryModules::makeSink(const SinkConfig &sink)
{
    return std::make_shared<modules::SinkInstance>(registry_.module(*sink.module), modules::host(),
                                                   sink.options);
}

std::shared_ptr<modules::EncoderInstance>
RegistryModules::makeEncoder(const ApplicationConfig &application)
{
    return std::make_shared<modules::EncoderInstance>(registry_.module(*application.encoder),
                                                      modules::host(), application.options);
}

} // namespace patchbay::control
