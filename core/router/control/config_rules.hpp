// [control] The rules of a configuration that no schema can say: which module's options an object
// may have, and what must fit together (config.md 3-5). Used by config_document only.
#pragma once

#include "module/catalog.hpp"
#include "json/schema.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace patchbay::control {

// Whether this member of "listeners", "applications" or "sinks" may be without its module: then the
// core's options alone are checked.
using MayLack = std::function<bool(std::string_view section, std::string_view name)>;

// The listener module of an address: that of its scheme ("unix:/run/a.sock"), else "tcp". Null:
// there is none.
const modules::ModuleInfo *listenerModule(const modules::Catalog &catalog,
                                          std::string_view address);

class ConfigRules final : public json::Rules {
public:
    // mayLack: null when nothing may.
    ConfigRules(const json::Value &root, const modules::Catalog &catalog,
                MayLack mayLack = nullptr);

    const json::Schema *select(std::string_view choice, std::string_view name,
                               const json::Value &value, json::Report &report) override;
    void check(std::string_view rule, std::string_view name, const json::Value &value,
               json::Report &report) override;

    // What is without its module because it may be, and how that is said of it; by JSON pointer.
    const std::map<std::string, std::string> &lacking() const noexcept { return lacking_; }

private:
    const json::Schema *lacks(std::string_view section, std::string_view name,
                              const json::Schema &core, json::Problem problem,
                              json::Report &report);
    const json::Schema *listener(std::string_view address, const json::Value &value,
                                 json::Report &report);
    const json::Schema *application(std::string_view name, const json::Value &value,
                                    json::Report &report);
    const json::Schema *sink(std::string_view name, const json::Value &value, json::Report &report);
    json::Problem noRuntime(const json::Value &type) const;
    const json::Schema *withTargets(const json::Schema &schema, const modules::ModuleInfo &module,
                                    const json::Value &application, json::Report &report);
    // The core's options and the module's. Throws Error when the module's schema is broken.
    const json::Schema *compose(const json::Schema &core, const modules::ModuleInfo &module);

    void pass(const json::Value &value, json::Report &report) const;
    void oldApplication(const json::Value &value, json::Report &report) const;
    bool leadsSomewhere(const std::vector<std::string> &parts) const;
    void invalidLocation(const json::Value &value, json::Report &report) const;

    const modules::Catalog &catalog_;
    MayLack mayLack_;
    std::map<std::string, std::string> lacking_;
    std::vector<std::string> order_; // names of applications
    std::unordered_map<std::string, const json::Value *> applications_;
    std::map<const modules::ModuleInfo *, json::Schema> composed_;
    std::map<const modules::ModuleInfo *, json::Schema> targeted_; // for applications with targets
};

} // namespace patchbay::control
