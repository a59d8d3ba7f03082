// Feeds a RequestParser in different ways and writes down what came out, for comparing.
#pragma once

#include "router/http/request_parser.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::http::test {

// Everything of a Request, one line each; absent and empty look different.
std::string describe(const Request &request);

// A parser with the memory it works in.
struct ParserRun {
    using Result = RequestParser::Result;

    explicit ParserRun(Settings chosen = {});
    // All at once.
    Result whole(std::string_view text);
    // In pieces that end at the given places, the buffer at a new address for each, the old one
    // gone.
    Result pieces(std::string_view text, const std::vector<std::size_t> &ends);
    // The result as text: the request and the header's size, or the status, or "needMore".
    std::string text(Result result) const;

    Settings settings;
    Arena arena;
    RequestParser parser;
    std::unique_ptr<char[]> buffer; // exactly as large as what it holds, so that ASan sees more
    std::size_t held = 0;
};

} // namespace patchbay::http::test
