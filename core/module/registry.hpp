// [control] The router's modules: each file mapped once while someone holds it. Instances are not
// kept here; what configuration generations share is pooled by config/.
#pragma once

#include "module/catalog.hpp"
#include "module/loader.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::modules {

class Registry {
public:
    explicit Registry(Catalog catalog);

    // What there was at start. Reloads may find others (ConfigDocument::catalog).
    const std::shared_ptr<const Catalog> &catalog() const noexcept { return catalog_; }

    // A module of any catalog, loaded unless somebody holds it; another stamp is another module.
    // Throws Error when it cannot be loaded any more ("FILE: CAUSE").
    std::shared_ptr<const LoadedModule> module(const ModuleInfo &info);
    // The one of catalog() with this id. Throws Error when there is none.
    std::shared_ptr<const LoadedModule> module(std::string_view id);

    // The listener module whose scheme the address has: "unix:..." or, without a known scheme, the
    // one for plain addresses. Of two with one scheme the first by file name. Throws Error.
    std::shared_ptr<const LoadedModule> listenerFor(std::string_view address);

private:
    struct Scheme {
        std::string text;
        std::shared_ptr<const LoadedModule> module;
    };
    void loadListeners();

    // The file as it was loaded last.
    struct Loaded {
        std::string stamp;
        unsigned spelling = 0;
        std::weak_ptr<const LoadedModule> module;
    };
    std::shared_ptr<const Catalog> catalog_;
    std::map<std::string, Loaded> loaded_; // by file
    std::vector<Scheme> schemes_;
    bool listenersLoaded_ = false;
};

} // namespace patchbay::modules
