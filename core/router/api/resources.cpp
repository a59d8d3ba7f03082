// [control] See resources.hpp: which path is whose, and the small ones. Before: connection.
#include "router/api/resources.hpp"

#include "base/log.hpp"
#include "router/api/error_answer.hpp"
#include "router/control/json_schema.hpp"
#include "json/edit.hpp"

namespace patchbay::api {
namespace {

Answer invalidMethod()
{
    return Answer::error(405, "Invalid method.");
}

Answer stopping()
{
    return Answer::error(503, "The server is stopping.");
}

} // namespace

void Resources::handle(Request request, const Respond &respond)
{
    try {
        dispatch(std::move(request), respond);
    } catch (const std::exception &error) { // no memory, no descriptor
        log::alert("control socket: %s", error.what());
        respond(errorAnswer(error, "Internal error."));
    }
}

void Resources::dispatch(Request request, const Respond &respond)
{
    std::string root = request.path.empty() ? std::string() : request.path.front();
    bool alone = request.path.size() <= 1;
    if (root == "config") {
        config(std::move(request), respond);
    } else if (root == "certificates") {
        certificates(std::move(request), respond);
    } else if (root == "control" && !alone) {
        control(request, respond);
    } else if (root.empty() || root == "status" || (alone && root == "schema") ||
               (alone && (root == "healthz" || root == "readyz")) || root == "jobs") {
        request.method == "GET" ? read(request, respond) : respond(invalidMethod());
    } else {
        respond(Answer::error(404, "Value doesn't exist."));
    }
}

void Resources::read(const Request &request, const Respond &respond)
{
    if (request.path.empty()) {
        overview(respond);
        return;
    }
    const std::string &root = request.path.front();
    if (root == "status") {
        status(request, respond);
    } else if (root == "schema") {
        respond(Answer::of(200, control::configurationSchema(parts_.controller.catalog())));
    } else if (root == "healthz") {
        respond(Answer::success("Ok"));
    } else if (root == "readyz") {
        respond(readiness());
    } else {
        respond(async_.find(request.path.size() == 2 ? request.path[1] : std::string()));
    }
}

Answer Resources::readiness() const
{
    if (parts_.jobs.closed()) {
        return stopping();
    }
    return parts_.controller.active() != nullptr
               ? Answer::success("Ok")
               : Answer::error(503, "No configuration is in effect yet.");
}

void Resources::overview(const Respond &respond)
{
    withStatus(respond, [this](json::Value status) {
        json::Value all = json::Value::object();
        all.add("certificates", parts_.certificates.list());
        all.add("config", parts_.service.declared());
        all.add("status", std::move(status));
        return Answer::of(200, all);
    });
}

void Resources::enqueue(const Request &request, const Respond &client, Change change)
{
    if (parts_.jobs.closed()) {
        client(stopping());
        return;
    }
    bool detached = request.prefer.find("respond-async") != std::string::npos;
    Respond respond = detached ? async_.begin(client) : client;
    parts_.jobs.push([respond, change = std::move(change)] {
        Answer answer;
        try {
            answer = change();
        } catch (const control::Stopping &) {
            return; // the client finds its connection closed, and knows as much as we do
        } catch (const std::exception &error) {
            answer = errorAnswer(error);
        }
        respond(std::move(answer));
    });
}

} // namespace patchbay::api
