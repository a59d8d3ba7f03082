// [control] /config: the document, and the changes of it (control-api.md 4). See resources.hpp.
#include "router/api/change_answer.hpp"
#include "router/api/error_answer.hpp"
#include "router/api/resources.hpp"
#include "json/edit.hpp"
#include "json/reader.hpp"

namespace patchbay::api {
namespace {

using control::EditError;
using json::Edited;
using json::Path;
using json::Value;

void check(Edited result)
{
    if (result == Edited::notFound) {
        throw EditError(EditError::Kind::notFound, "Value doesn't exist.");
    }
    if (result == Edited::notArray) {
        throw EditError(EditError::Kind::notArray, "Method isn't allowed.");
    }
}

void merge(Value &root, const Path &path, const Value &patch)
{
    const Value *target = json::at(root, path);
    check(json::put(root, path, json::mergePatch(target != nullptr ? *target : Value(), patch)));
}

bool isMergePatch(const Request &request)
{
    return request.method == "PATCH" && request.contentType == "application/merge-patch+json";
}

// What the request does to the document. The path is that below /config; the value, which may be
// large, is shared by the copies of the function.
control::ConfigService::Edit editOf(const Request &request, std::shared_ptr<const Value> value)
{
    const Path &path = request.path;
    if (request.method == "PUT") {
        return [path, value](Value &root) { check(json::put(root, path, *value)); };
    }
    if (request.method == "POST") {
        return [path, value](Value &root) { check(json::append(root, path, *value)); };
    }
    if (request.method == "DELETE") {
        return [path](Value &root) { check(json::remove(root, path)); };
    }
    return [path, value](Value &root) { merge(root, path, *value); };
}

} // namespace

void Resources::config(Request request, const Respond &respond)
{
    request.path.erase(request.path.begin());
    const std::string &method = request.method;
    if (method == "GET") {
        const Value *value = json::at(parts_.service.declared(), request.path);
        if (value == nullptr) {
            respond(Answer::error(404, "Value doesn't exist."));
            return;
        }
        Answer answer = Answer::of(200, *value);
        answer.tag = parts_.service.tag();
        respond(std::move(answer));
    } else if (method == "PUT" || (method == "POST" && !request.path.empty()) ||
               method == "DELETE" || isMergePatch(request)) {
        editConfig(std::move(request), respond);
    } else {
        respond(Answer::methodNotAllowed());
    }
}

void Resources::editConfig(Request request, const Respond &respond)
{
    std::shared_ptr<const Value> value;
    if (request.method != "DELETE") {
        try {
            value = std::make_shared<const Value>(json::read(request.body));
        } catch (const json::ReadError &error) {
            respond(syntaxAnswer(error, request.body));
            return;
        }
    }
    enqueue(request, respond,
            [this, edit = editOf(request, std::move(value)), ifMatch = request.ifMatch,
             uid = request.uid, dry = request.dryRun()] {
                return changeAnswer(parts_.service.edit(edit, ifMatch, {uid, "api"}, dry));
            });
}

} // namespace patchbay::api
