// See request_text.hpp.
#include "router/http/request_text.hpp"

#include <algorithm>

namespace patchbay::http::test {
namespace {

void add(std::string &out, const char *name, std::string_view value)
{
    out.append(name).append("=[").append(value).append("]\n");
}

void addOptional(std::string &out, const char *name, const std::optional<std::string_view> &value)
{
    if (value) {
        add(out, name, *value);
    } else {
        out.append(name).append(" absent\n");
    }
}

std::string_view view(const pb_str &text)
{
    return {text.data, text.size};
}

} // namespace

std::string describe(const Request &request)
{
    std::string out;
    add(out, "method", request.method);
    add(out, "target", request.target);
    add(out, "path", request.path);
    addOptional(out, "query", request.query);
    add(out, "version", request.version);
    addOptional(out, "host", request.host);
    add(out, "serverName", request.serverName);
    addOptional(out, "contentType", request.contentType);
    addOptional(out, "contentLengthText", request.contentLengthText);
    add(out, "contentLength",
        request.contentLength ? std::to_string(*request.contentLength) : "none");
    out += "minor=" + std::to_string(request.minorVersion);
    out += request.chunked ? " chunked" : "";
    out += request.keepAlive ? " keepAlive" : "";
    out += request.expectContinue ? " expect\n" : "\n";
    for (const pb_field &field : request.fields) {
        add(out, std::string(view(field.name)).c_str(), view(field.value));
    }
    return out;
}

ParserRun::ParserRun(Settings chosen) : settings(std::move(chosen))
{
    parser.reset(settings, arena);
}

ParserRun::Result ParserRun::whole(std::string_view text)
{
    return pieces(text, {text.size()});
}

ParserRun::Result ParserRun::pieces(std::string_view text, const std::vector<std::size_t> &ends)
{
    Result result = Result::needMore;
    for (std::size_t end : ends) {
        auto next = std::make_unique<char[]>(end);
        std::copy_n(text.data(), end, next.get());
        std::fill_n(buffer.get(), held, '!'); // whoever still looks there finds something else
        std::swap(buffer, next);
        held = end;
        result = parser.feed(buffer.get(), end);
        if (result == Result::error) {
            break;
        }
    }
    return result;
}

std::string ParserRun::text(Result result) const
{
    switch (result) {
    case Result::done:
        return describe(parser.request()) + "size=" + std::to_string(parser.headerSize());
    case Result::error:
        return "error " + std::to_string(parser.status());
    default:
        return "needMore";
    }
}

} // namespace patchbay::http::test
