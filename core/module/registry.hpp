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

    const Catalog &catalog() const noexcept { return catalog_; }

    // The module with this id, loaded at first use. Throws Error when there is none ("No module
    // "encoder.x" is available.") or it cannot be loaded any more ("FILE: CAUSE").
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

    Catalog catalog_;
    std::map<std::string, std::shared_ptr<const LoadedModule>, std::less<>> loaded_; // by id
    std::vector<Scheme> schemes_;
    bool listenersLoaded_ = false;
};

} // namespace patchbay::modules
