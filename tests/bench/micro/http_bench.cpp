// What the router's engine does with bytes: requests in, replies of workers in, heads out.
#include "router/http/reply_parser.hpp"
#include "router/http/request_parser.hpp"
#include "router/http/response_writer.hpp"

#include <benchmark/benchmark.h>

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace patchbay;

constexpr char kSmall[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr char kBrowser[] =
    "GET /hello?name=world HTTP/1.1\r\n"
    "Host: localhost\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef; theme=dark\r\n\r\n";
constexpr char kPost[] = "POST /a%20b/../form HTTP/1.1\r\nHost: localhost\r\n"
                         "Content-Type: application/x-www-form-urlencoded\r\n"
                         "Content-Length: 65536\r\n\r\n";

void parseRequest(benchmark::State &state, const std::string &text)
{
    const http::Settings settings;
    Arena arena;
    http::RequestParser parser;
    for (auto _ : state) {
        arena.reset();
        parser.reset(settings, arena);
        if (parser.feed(text.data(), text.size()) != http::RequestParser::Result::done) {
            state.SkipWithError("not accepted");
            return;
        }
        benchmark::DoNotOptimize(parser.request());
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(text.size() * state.iterations()));
}
BENCHMARK_CAPTURE(parseRequest, small, kSmall);
BENCHMARK_CAPTURE(parseRequest, browser, kBrowser);
BENCHMARK_CAPTURE(parseRequest, post, kPost);

void put(std::string &out, std::uint64_t value, std::size_t size)
{
    out.append(reinterpret_cast<const char *>(&value), size); // little-endian, as we are
}

// ipc/reply_format.hpp
std::string replyOf(const std::vector<std::pair<std::string, std::string>> &fields)
{
    std::string block;
    put(block, 200, 2);
    put(block, fields.size(), 2);
    for (const auto &[name, value] : fields) {
        put(block, name.size(), 2);
        put(block, value.size(), 4);
        block += name + value;
    }
    std::string whole;
    put(whole, block.size(), 4);
    return whole + block;
}

const std::string &reply()
{
    static const std::string text = replyOf({{"Content-Type", "text/html; charset=utf-8"},
                                             {"Content-Length", "14"},
                                             {"Cache-Control", "no-store"},
                                             {"Set-Cookie", "session=0123456789abcdef"}});
    return text;
}

void parseReply(benchmark::State &state)
{
    Arena arena;
    http::ReplyParser parser;
    for (auto _ : state) {
        arena.reset();
        parser.reset(arena);
        auto outcome = parser.feed(reply().data(), reply().size());
        if (outcome.result != http::ReplyParser::Result::headDone) {
            state.SkipWithError(parser.errorText());
            return;
        }
    }
}
BENCHMARK(parseReply);

http::ResponseContext context()
{
    http::ResponseContext context;
    context.server = "Patchbay/0.1.0";
    context.date = "Mon, 23 Nov 2026 12:00:00 GMT";
    return context;
}

void writeHead(benchmark::State &state)
{
    Arena arena;
    http::ReplyParser parser;
    parser.reset(arena);
    parser.feed(reply().data(), reply().size());
    const http::ResponseContext about = context();
    for (auto _ : state) {
        const http::Response &response = parser.response();
        std::string room(http::responseHeadBound(response, about), '\0');
        const http::ResponsePlan plan = http::planResponse(response, about, 14);
        benchmark::DoNotOptimize(http::writeResponseHead(room.data(), response, plan, about));
    }
}
BENCHMARK(writeHead);

void writePage(benchmark::State &state)
{
    const http::ResponseContext about = context();
    std::string room(http::kErrorPageBound + about.server.size(), '\0');
    for (auto _ : state) {
        benchmark::DoNotOptimize(http::writeErrorPage(room.data(), 503, about));
    }
}
BENCHMARK(writePage);

} // namespace
