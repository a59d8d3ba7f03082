// [control] patchbayd -t: everything that can be known of a configuration without side effects.
// Runs in a process of its own, before any other is started.
#include "router/control/provision.hpp"
#include "router/process/router.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace patchbay::control {
namespace {

std::optional<std::string> environment(const std::string &name)
{
    const char *value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

std::string readFile(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) {
        throw Error("The file \"" + path + "\" cannot be read: " + errnoText(errno) + ".");
    }
    return text.str();
}

} // namespace

int checkConfiguration(std::vector<ipc::NamedText> texts, const RouterOptions &options)
{
    const std::string name = texts.empty() ? "-" : texts.front().name;
    try {
        modules::Registry registry(modules::parseManifest(options.manifest));
        RegistryModules modules(registry);
        ListenerPool listeners;
        json::References references{environment, readFile};
        ConfigDocument document =
            checkConfiguration(readConfiguration(std::move(texts)), registry.catalog(),
                               {options.tmpDir, options.asUnit}, &references);
        checkSurroundings(document);
        resolveListeners(document, modules, listeners);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    std::printf("%s: configuration is valid\n", name.c_str());
    return 0;
}

} // namespace patchbay::control
