// Router [control]. Before: discovery's manifest. After: instances, pooled by config/.
#include "module/registry.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

namespace patchbay::modules {

Registry::Registry(Catalog catalog) : catalog_(std::make_shared<const Catalog>(std::move(catalog)))
{
}

std::shared_ptr<const LoadedModule> Registry::module(const ModuleInfo &info)
{
    if (info.kind == PB_KIND_RUNTIME) {
        throw Error(info.file + ": is a language runtime, which the router never loads");
    }
    Loaded &last = loaded_[info.file];
    const bool same = last.stamp == info.stamp;
    if (auto held = same ? last.module.lock() : nullptr) {
        return held;
    }
    const unsigned spelling = same ? last.spelling : last.spelling + 1;
    auto loaded = LoadedModule::load(info.file, LoadAs::routerModule, spelling);
    if (loaded->descriptor().id != info.id) { // replaced on disk since discovery
        throw Error(info.file + ": is another module than a moment ago: reload again");
    }
    last = {info.stamp, spelling, loaded};
    return loaded;
}

std::shared_ptr<const LoadedModule> Registry::module(std::string_view id)
{
    const ModuleInfo *info = catalog_->find(id);
    if (info == nullptr) {
        throw Error("The module \"" + std::string(id) +
                    "\" is not found among the available modules.");
    }
    return module(*info);
}

std::shared_ptr<const LoadedModule> Registry::listenerFor(std::string_view address)
{
    loadListeners();
    const Scheme *plain = nullptr;
    for (const Scheme &scheme : schemes_) {
        if (scheme.text.empty()) {
            plain = &scheme;
        } else if (address.starts_with(scheme.text + ":")) {
            return scheme.module;
        }
    }
    if (plain == nullptr) {
        throw Error("No module for the listener address \"" + std::string(address) +
                    "\" is available: is the package of the listener module installed?");
    }
    return plain->module;
}

void Registry::loadListeners()
{
    if (listenersLoaded_) {
        return;
    }
    listenersLoaded_ = true;
    for (const ModuleInfo &info : catalog_->modules) {
        if (info.kind != PB_KIND_LISTENER || catalog_->find(info.id) != &info) {
            continue;
        }
        try {
            auto loaded = module(info.id);
            std::string scheme = loaded->listenerScheme();
            const auto same = std::find_if(schemes_.begin(), schemes_.end(),
                                           [&](const Scheme &s) { return s.text == scheme; });
            if (same != schemes_.end()) {
                log::warn("%s: is not used: %s already serves the scheme \"%s\"", info.file.c_str(),
                          same->module->file().c_str(), scheme.c_str());
                continue;
            }
            schemes_.push_back({std::move(scheme), std::move(loaded)});
        } catch (const Error &e) {
            log::alert("%s", e.what());
        }
    }
}

} // namespace patchbay::modules
