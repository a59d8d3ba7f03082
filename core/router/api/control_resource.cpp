// [control] /control: restart of an application, reload of the files, history. See resources.hpp.
#include "router/api/change_answer.hpp"
#include "router/api/error_answer.hpp"
#include "router/api/resources.hpp"
#include "json/edit.hpp"
#include "json/reader.hpp"

#include <charconv>
#include <ctime>
#include <optional>

namespace patchbay::api {
namespace {

using json::Value;

Answer notFound()
{
    return Answer::error(404, "Value doesn't exist.");
}

std::optional<std::uint64_t> numberOf(const std::string &text)
{
    std::uint64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool whole = error == std::errc() && end == text.data() + text.size();
    return whole ? std::optional(number) : std::nullopt;
}

// `current`: the newest one is what is in effect, unless it could not be stored.
Value describe(const control::ConfigVersion &version, bool current)
{
    Value item = Value::object();
    item.add("id", Value::integer(static_cast<std::int64_t>(version.id)));
    item.add("time", Value::string(timeText(static_cast<std::time_t>(version.time))));
    item.add("uid", version.uid == control::kUnknownUid
                        ? Value()
                        : Value::integer(static_cast<std::int64_t>(version.uid)));
    item.add("origin", Value::string(version.origin));
    item.add("current", Value::boolean(current));
    return item;
}

} // namespace

void Resources::control(const Request &request, const Respond &respond)
{
    const std::vector<std::string> &path = request.path;
    if (path.size() == 4 && path[1] == "applications" && path[3] == "restart") {
        restart(request, respond);
    } else if (path.size() == 2 && path[1] == "reload") {
        reload(request, respond);
    } else if (path[1] == "history") {
        history(request, respond);
    } else {
        respond(notFound());
    }
}

void Resources::restart(const Request &request, const Respond &respond)
{
    if (request.method != "GET" && request.method != "POST") {
        respond(Answer::methodNotAllowed());
        return;
    }
    enqueue(request, respond, [this, name = request.path[2], uid = request.uid] {
        try {
            parts_.service.restart(name, {uid, "restart"});
            return Answer::success("Ok");
        } catch (const control::Stopping &) {
            throw;
        } catch (const std::exception &error) {
            return errorAnswer(error, "Failed to restart app.");
        }
    });
}

void Resources::reload(const Request &request, const Respond &respond)
{
    if (request.method != "POST") {
        respond(Answer::methodNotAllowed());
        return;
    }
    enqueue(request, respond, [this, uid = request.uid, dry = request.dryRun()] {
        return changeAnswer(parts_.service.reload(uid, dry));
    });
}

void Resources::history(const Request &request, const Respond &respond)
{
    const std::vector<std::string> &path = request.path;
    if (path.size() == 4 && path[3] == "restore") {
        rollback(request, respond);
    } else if (path.size() > 3) {
        respond(notFound());
    } else if (request.method != "GET") {
        respond(Answer::methodNotAllowed());
    } else if (path.size() == 2) {
        parts_.keeper.listHistory([this, respond](const std::vector<control::ConfigVersion> &all) {
            Value list = Value::array();
            for (const control::ConfigVersion &version : all) {
                bool newest = &version == all.data();
                list.append(describe(version, newest && parts_.service.storeError().empty()));
            }
            respond(Answer::of(200, list));
        });
    } else if (auto id = numberOf(path[2])) {
        parts_.keeper.readHistory(*id, [respond](const control::Failure &failure,
                                                 const std::string &text) {
            if (failure.error != 0) {
                respond(failure.error == ENOENT
                            ? notFound()
                            : Answer::error(500, "Failed to read configuration.", failure.text));
                return;
            }
            try {
                respond(Answer::of(200, json::read(text)));
            } catch (const std::exception &error) {
                respond(Answer::error(500, "Failed to read configuration.", error.what()));
            }
        });
    } else {
        respond(notFound());
    }
}

void Resources::rollback(const Request &request, const Respond &respond)
{
    auto id = numberOf(request.path[2]);
    if (request.method != "POST") {
        respond(Answer::methodNotAllowed());
    } else if (!id) {
        respond(notFound());
    } else {
        enqueue(request, respond, [this, id = *id, uid = request.uid, dry = request.dryRun()] {
            return changeAnswer(parts_.service.rollback(id, {uid, "rollback"}, dry));
        });
    }
}

} // namespace patchbay::api
