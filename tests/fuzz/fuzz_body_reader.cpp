// BodyReader: any bytes as a chunked body, whole and in pieces, give the same body, the same end
// and the same status; a decoded body, chunked again, is read back as it was.
#include "check.hpp"
#include "router/http/body_reader.hpp"
#include "router/http/response_writer.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace patchbay;
using patchbay::fuzz::require;
using Result = http::BodyReader::Result;

struct Read {
    Result result = Result::needMore;
    unsigned status = 0;
    std::size_t consumed = 0;
    std::string body;

    bool operator==(const Read &) const = default;
};

Read read(std::string_view text, const std::vector<std::size_t> &ends, std::uint64_t limit)
{
    http::Settings settings;
    settings.maxBodySize = limit;
    http::BodyReader reader;
    reader.startChunked(settings);
    Read out;
    for (std::size_t end : ends) {
        const std::size_t size = end - out.consumed;
        auto piece = std::make_unique<char[]>(size);
        text.copy(piece.get(), size, out.consumed);
        auto outcome = reader.feed(piece.get(), size,
                                   [&out](std::string_view part) { out.body.append(part); });
        require(outcome.consumed <= size, "consumes what there is");
        out.consumed += outcome.consumed;
        out.result = outcome.result;
        if (out.result != Result::needMore) {
            break;
        }
        require(outcome.consumed == size, "consumes everything while it wants more");
    }
    out.status = reader.status();
    require(reader.received() == out.body.size(), "counts the body");
    require(out.body.size() <= limit, "keeps to max_body_size");
    return out;
}

std::string chunkAgain(std::string_view body)
{
    std::string out;
    while (!body.empty()) {
        const std::size_t n = std::min<std::size_t>(body.size(), 1 + body.size() / 3);
        char head[http::BodyFramer::kMaxChunkHead];
        out.append(head, http::BodyFramer::writeChunkHead(head, n));
        out.append(body.substr(0, n)).append(http::kChunkEnd);
        body.remove_prefix(n);
    }
    return out.append(http::kLastChunk);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    for (std::uint64_t limit : {std::uint64_t{16}, std::uint64_t{1} << 20}) {
        const Read whole = read(text, {size}, limit);
        require(whole == read(text, fuzz::pieceEnds(data, size), limit) || size == 0,
                "pieces do not matter");
        require((whole.result == Result::error) ==
                    (whole.status == 400 || whole.status == 413 || whole.status == 431),
                "an error has its status");
        if (whole.result == Result::done) {
            const std::string again = chunkAgain(whole.body);
            const Read back = read(again, {again.size()}, limit);
            require(back.result == Result::done && back.body == whole.body, "reads back the same");
        }
    }
    return 0;
}
