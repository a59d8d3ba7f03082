// [control] patchbayd -t: everything that can be known of a configuration without side effects.
// Runs in a process of its own, before any other is started.
#include "router/control/provision.hpp"
#include "router/control/router.hpp"

#include <cstdio>

namespace patchbay::control {

int checkConfiguration(const std::vector<ipc::NamedText> &files, const RouterOptions &options)
{
    const ipc::NamedText first = files.empty() ? ipc::NamedText() : files.front();
    const std::string &source = first.name;
    try {
        modules::Registry registry(modules::parseManifest(options.manifest));
        RegistryModules modules(registry);
        ListenerPool listeners;
        ConfigDocument document = parseConfiguration(first.text, source, registry.catalog(),
                                                     {options.tmpDir, options.asUnit});
        checkSurroundings(document);
        resolveListeners(document, modules, listeners);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    std::printf("%s: configuration is valid\n", source.empty() ? "-" : source.c_str());
    return 0;
}

} // namespace patchbay::control
