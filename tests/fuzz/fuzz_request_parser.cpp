// RequestParser: any bytes, whole and in pieces, give the same; an accepted request keeps the
// promises that routing, encoders and applications rely on.
#include "check.hpp"
#include "router/http/characters.hpp"
#include "router/http/request_text.hpp"

#include <algorithm>
#include <string_view>

namespace {

using namespace patchbay;
using patchbay::fuzz::require;

void checkPath(std::string_view path)
{
    require(path.starts_with('/'), "the path starts with a slash");
    require(path.find('\0') == std::string_view::npos, "no NUL in the path");
    require(path.find("//") == std::string_view::npos, "no empty segment");
    require(path.find("/./") == std::string_view::npos && !path.ends_with("/."), "no dot segment");
    require(path.find("/../") == std::string_view::npos && !path.ends_with("/.."), "no dot-dot");
}

void checkRequest(const http::Request &request, const http::Settings &settings)
{
    checkPath(request.path);
    require(!request.method.empty() && request.method != "CONNECT", "the method");
    require(request.target.starts_with('/'), "the target starts with a slash");
    require(!(request.chunked && request.contentLength), "one framing");
    require(!request.chunked || request.minorVersion == 1, "chunked only in 1.1");
    require(request.contentLength.value_or(0) <= settings.maxBodySize, "the length is allowed");
    require(!request.serverName.empty(), "there is a server name");
    std::size_t hosts = 0;
    for (const pb_field &field : request.fields) {
        std::string_view name{field.name.data, field.name.size};
        std::string_view value{field.value.data, field.value.size};
        require(http::isToken(name) && name.size() <= 255, "a field name is a token");
        require(!http::hasControl(value), "no control character in a value");
        require(http::trimBlanks(value).size() == value.size(), "no blank around a value");
        require(!http::equalsIgnoreCase(name, "proxy"), "no Proxy");
        require(!http::equalsIgnoreCase(name, "transfer-encoding"), "no Transfer-Encoding");
        require(name.find('_') == std::string_view::npos, "no unsafe name");
        hosts += http::equalsIgnoreCase(name, "host") ? 1 : 0;
    }
    require(hosts == (request.host ? 1 : 0), "Host is among the fields, once");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    http::test::ParserRun whole;
    auto result = whole.whole(text);
    if (result == http::RequestParser::Result::done) {
        require(whole.parser.headerSize() <= size, "the header is part of the input");
        require(whole.parser.headerSize() <= whole.settings.headerBlockLimit(), "header limit");
        checkRequest(whole.parser.request(), whole.settings);
    }
    http::test::ParserRun split;
    auto splitResult = split.pieces(text, fuzz::pieceEnds(data, size));
    require(size == 0 || whole.text(result) == split.text(splitResult), "pieces do not matter");
    return 0;
}
