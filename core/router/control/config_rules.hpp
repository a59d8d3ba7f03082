// [control] The rules of a configuration that no schema can say: which module's options an object
// may have, and what must fit together (config.md 3-5). Used by config_document only.
#pragma once

#include "module/catalog.hpp"
#include "json/schema.hpp"

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace patchbay::control {

// The listener module of an address: that of its scheme ("unix:/run/a.sock"), else "tcp".
const modules::ModuleInfo *listenerModule(const modules::Catalog &catalog,
                                          std::string_view address);

class ConfigRules final : public json::Rules {
public:
    ConfigRules(const json::Value &root, const modules::Catalog &catalog);

    const json::Schema *select(std::string_view choice, std::string_view name,
                               const json::Value &value, json::Report &report) override;
    void check(std::string_view rule, std::string_view name, const json::Value &value,
               json::Report &report) override;

private:
    const json::Schema *listener(std::string_view address, const json::Value &value,
                                 json::Report &report);
    const json::Schema *application(const json::Value &value, json::Report &report);
    const json::Schema *sink(const json::Value &value, json::Report &report);
    const json::Schema *withTargets(const json::Schema &schema, const modules::ModuleInfo &module,
                                    const json::Value &application, json::Report &report);
    // The core's options and the module's. Throws Error when the module's schema is broken.
    const json::Schema *compose(const json::Schema &core, const modules::ModuleInfo &module);

    void pass(const json::Value &value, json::Report &report) const;
    void oldApplication(const json::Value &value, json::Report &report) const;
    bool leadsSomewhere(const std::vector<std::string> &parts) const;
    void invalidLocation(const json::Value &value, json::Report &report) const;

    const modules::Catalog &catalog_;
    std::vector<std::string> order_; // names of applications
    std::unordered_map<std::string, const json::Value *> applications_;
    std::map<const modules::ModuleInfo *, json::Schema> composed_;
    std::map<const modules::ModuleInfo *, json::Schema> targeted_; // for applications with targets
};

} // namespace patchbay::control
