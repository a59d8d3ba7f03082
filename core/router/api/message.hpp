// [control] One request of the control API and its answer, as values. HTTP is connection's
// business.
#pragma once

#include "router/control/config_keeper.hpp"
#include "json/value.hpp"

#include <ctime>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::api {

struct Request {
    std::string method;
    std::vector<std::string> path; // decoded parts; "/config//a%2Fb/" is {"config", "a/b"}
    std::vector<std::string> sent; // the same parts as they were sent: {"config", "a%2Fb"}
    std::map<std::string, std::string> query;
    std::string contentType; // without parameters, lower case
    std::string ifMatch;
    std::string prefer;
    std::string body;
    std::uint32_t uid = control::kUnknownUid; // of the peer

    bool dryRun() const { return asks("dry_run"); }
    // A query option that is switched on: "?replace=1", "?replace".
    bool asks(const std::string &option) const
    {
        auto found = query.find(option);
        return found != query.end() && found->second != "0";
    }
};

struct Answer {
    unsigned status = 200;
    std::string body; // JSON
    std::string tag;  // ETag; empty: none

    static Answer of(unsigned status, const json::Value &body);
    // {"success": text}, {"error": text}, {"error": text, "detail": detail}
    static Answer success(std::string_view text);
    static Answer error(unsigned status, std::string_view text, std::string_view detail = {});
    static Answer methodNotAllowed() { return error(405, "Method isn't allowed."); }
};

// Gives the answer; once, on [control], now or later. Harmless when the client has gone.
using Respond = std::function<void(Answer)>;

// "2026-11-23T09:00:00Z"
std::string timeText(std::time_t time);

// Takes a request target apart (control-api.md 2): split at '/', then decoded. false: bad encoding.
bool parseTarget(std::string_view target, Request &request);

} // namespace patchbay::api
