// See check.hpp. Before: main/check_child.
#include "router/process/check.hpp"

#include "router/control/plan.hpp"
#include "router/control/provision.hpp"
#include "json/writer.hpp"

#include <optional>

namespace patchbay::control {
CheckResult checkFiles(std::vector<ipc::NamedText> texts, const RouterOptions &options,
                       const std::function<std::string(const std::string &path)> &readFile)
{
    modules::Registry registry(modules::parseManifest(options.manifest));
    RegistryModules modules(registry);
    ListenerPool listeners;
    json::References references{json::environmentVariable, readFile};
    ConfigDocument document =
        checkConfiguration(readConfiguration(std::move(texts)),
                           {*registry.catalog(), {options.tmpDir, options.asUnit}, &references});
    checkSurroundings(document);
    PlanBase after = planBase(document, resolveListeners(document, modules, listeners));
    return {json::writeCompact(document.declared.root),
            json::writeCompact(makePlan(PlanBase(), after))};
}

} // namespace patchbay::control
