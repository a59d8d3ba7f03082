// [control] /status: asks the engines what they have, and answers when all have said it. See
// resources.hpp.
#include "router/api/resources.hpp"
#include "router/api/status_document.hpp"
#include "json/edit.hpp"

namespace patchbay::api {

void Resources::withStatus(std::function<void(json::Value)> done)
{
    parts_.engines.census([this, done = std::move(done)](std::vector<config::GenerationUse> use) {
        done(statusDocument({parts_.catalog, parts_.service, parts_.controller, parts_.spawner,
                             parts_.engines.totals(), std::move(use)}));
    });
}

void Resources::status(const Request &request, const Respond &respond)
{
    json::Path path(request.path.begin() + 1, request.path.end());
    withStatus([path, respond](const json::Value &status) {
        const json::Value *value = json::at(status, path);
        respond(value != nullptr ? Answer::of(200, *value) : Answer::error(404, "Invalid path."));
    });
}

} // namespace patchbay::api
