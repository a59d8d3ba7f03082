// ReplyParser: any bytes from a worker, whole and in pieces, give the same; what is accepted can be
// written to a client and is then one response with one framing, line by line what was meant.
#include "check.hpp"
#include "router/http/characters.hpp"
#include "router/http/reply_parser.hpp"
#include "router/http/response_writer.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace patchbay;
using patchbay::fuzz::require;
using Result = http::ReplyParser::Result;

struct Run {
    Run(std::string_view text, const std::vector<std::size_t> &ends)
    {
        parser.reset(arena);
        for (std::size_t end : ends) {
            const std::size_t size = end - consumed;
            auto piece = std::make_unique<char[]>(size);
            text.copy(piece.get(), size, consumed);
            auto outcome = parser.feed(piece.get(), size);
            require(outcome.consumed <= size, "consumes what there is");
            consumed += outcome.consumed;
            result = outcome.result;
            if (result != Result::needMore) {
                break;
            }
            require(outcome.consumed == size, "consumes everything while it wants more");
        }
    }

    std::string head(const http::ResponseContext &context) const
    {
        const http::Response &response = parser.response();
        const std::size_t bound = http::responseHeadBound(response, context);
        auto out = std::make_unique<char[]>(bound);
        auto plan = http::planResponse(response, context, std::nullopt);
        char *end = http::writeResponseHead(out.get(), response, plan, context);
        return {out.get(), end};
    }

    Arena arena;
    http::ReplyParser parser;
    Result result = Result::needMore;
    std::size_t consumed = 0;
};

// Every line of a head that was written is a field with a good name, and none says twice how the
// body ends.
void checkHead(std::string_view head)
{
    require(head.starts_with("HTTP/1.1 ") && head.ends_with("\r\n\r\n"), "begin and end");
    head.remove_prefix(head.find("\r\n") + 2);
    std::size_t lengths = 0;
    std::size_t codings = 0;
    std::size_t servers = 0;
    while (head.size() > 2) {
        std::string_view line = head.substr(0, head.find("\r\n"));
        head.remove_prefix(line.size() + 2);
        std::string_view name = line.substr(0, line.find(": "));
        require(http::isToken(name) && name.size() < line.size(), "every line is a field");
        require(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
                "no line inside a line");
        lengths += http::equalsIgnoreCase(name, "content-length") ? 1 : 0;
        codings += http::equalsIgnoreCase(name, "transfer-encoding") ? 1 : 0;
        servers += http::equalsIgnoreCase(name, "server") ? 1 : 0;
    }
    require(head == "\r\n", "one empty line");
    require(lengths + codings <= 1, "one framing");
    require(servers == 1, "one Server");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const Run whole(text, {size});
    const Run split(text, fuzz::pieceEnds(data, size));
    require(size == 0 || (whole.result == split.result && whole.consumed == split.consumed),
            "pieces do not matter");
    require((whole.result == Result::error) == !std::string_view(whole.parser.errorText()).empty(),
            "an error has its text");
    if (whole.result != Result::headDone) {
        return 0;
    }
    require(whole.parser.response().status >= 100 && whole.parser.response().status <= 999,
            "status in range");
    for (unsigned minor : {0U, 1U}) {
        const http::ResponseContext context{false, minor, true, "Patchbay", "now"};
        const std::string head = whole.head(context);
        require(head == split.head(context), "the same head");
        checkHead(head);
    }
    return 0;
}
