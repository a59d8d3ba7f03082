// [control] /status: asks the engines what they have, and answers when all have said it. See
// resources.hpp.
#include "base/log.hpp"
#include "router/api/error_answer.hpp"
#include "router/api/resources.hpp"
#include "router/api/status_document.hpp"
#include "json/edit.hpp"

namespace patchbay::api {

void Resources::withStatus(const Respond &respond, std::function<Answer(json::Value)> make)
{
    parts_.engines.census([this, respond,
                           make = std::move(make)](std::vector<config::GenerationUse> use) {
        Answer answer;
        try {
            answer =
                make(statusDocument({parts_.controller.catalog(), parts_.service, parts_.controller,
                                     parts_.spawner, parts_.engines.totals(), std::move(use)}));
        } catch (const std::exception &error) {
            log::alert("control socket: %s", error.what());
            answer = errorAnswer(error, "Failed to get status.");
        }
        respond(std::move(answer));
    });
}

void Resources::status(const Request &request, const Respond &respond)
{
    json::Path path(request.path.begin() + 1, request.path.end());
    withStatus(respond, [path](const json::Value &status) {
        const json::Value *value = json::at(status, path);
        return value != nullptr ? Answer::of(200, *value) : Answer::error(404, "Invalid path.");
    });
}

} // namespace patchbay::api
