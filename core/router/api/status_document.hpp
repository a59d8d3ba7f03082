// [control] Numbers and names -> what GET /status answers (control-api.md 6). Unit's members keep
// their places; ours follow them.
#pragma once

#include "module/catalog.hpp"
#include "router/config/config_snapshot.hpp"
#include "router/control/config_service.hpp"
#include "router/control/engine_set.hpp"
#include "router/control/spawner.hpp"
#include "json/value.hpp"

#include <vector>

namespace patchbay::api {

struct StatusFacts {
    const modules::Catalog &catalog;
    const control::ConfigService &service;
    const control::Controller &controller;
    const control::Spawner &spawner;
    control::EngineTotals totals;
    std::vector<config::GenerationUse> use; // what engines still have
};

json::Value statusDocument(const StatusFacts &facts);

} // namespace patchbay::api
