// [control] See message.hpp.
#include "router/api/message.hpp"

#include "base/utf8.hpp"
#include "json/writer.hpp"

#include <algorithm>

namespace patchbay::api {
namespace {

int hexDigit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = static_cast<char>(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool decode(std::string_view text, std::string &out)
{
    out.clear();
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        int high = i + 2 < text.size() ? hexDigit(text[i + 1]) : -1;
        int low = i + 2 < text.size() ? hexDigit(text[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return false;
        }
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return true;
}

// Calls take(part) for each part between separators.
template <class Take>
bool split(std::string_view text, char separator, const Take &take)
{
    while (!text.empty()) {
        std::size_t end = std::min(text.find(separator), text.size());
        if (end > 0 && !take(text.substr(0, end))) {
            return false;
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return true;
}

json::Value object(std::string_view name, std::string_view text)
{
    json::Value value = json::Value::object();
    value.add(std::string(name), json::Value::string(std::string(text)));
    return value;
}

} // namespace

Answer Answer::of(unsigned status, const json::Value &body)
{
    Answer answer;
    answer.status = status;
    // A file may have any name, and a system any messages.
    answer.body = withoutBadUtf8(json::writePretty(body));
    return answer;
}

Answer Answer::success(std::string_view text)
{
    return of(200, object("success", text));
}

Answer Answer::error(unsigned status, std::string_view text, std::string_view detail)
{
    json::Value body = object("error", text);
    if (!detail.empty()) {
        body.add("detail", json::Value::string(std::string(detail)));
    }
    return of(status, body);
}

std::string timeText(std::time_t time)
{
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

bool parseTarget(std::string_view target, Request &request)
{
    std::string_view path = target.substr(0, target.find_first_of("?#"));
    std::string_view query;
    if (path.size() < target.size() && target[path.size()] == '?') {
        query = target.substr(path.size() + 1);
        query = query.substr(0, query.find('#'));
    }
    bool good = split(path, '/', [&](std::string_view part) {
        request.sent.emplace_back(part);
        return decode(part, request.path.emplace_back());
    });
    return good && split(query, '&', [&](std::string_view part) {
               std::string name;
               std::string value;
               std::size_t equals = std::min(part.find('='), part.size());
               // Names we do not know are ignored, however they are written.
               if (decode(part.substr(0, equals), name) &&
                   decode(part.substr(std::min(equals + 1, part.size())), value)) {
                   request.query[name] = value;
               }
               return true;
           });
}

} // namespace patchbay::api
