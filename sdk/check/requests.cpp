// patchbay-module: see requests.hpp.
#include "requests.hpp"

#include "base/error.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>
#include <utility>

namespace patchbay::check {

namespace {

constexpr std::size_t kGuards = 100; // texts of a request that get memory of their own
constexpr std::size_t kRandomRequests = 200;
constexpr std::size_t kAlignment = 16;

std::size_t pageSize()
{
    static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

std::size_t wholePages(std::size_t size)
{
    return std::max((size + pageSize() - 1) / pageSize(), std::size_t{1}) * pageSize();
}

// Pages that can be used between two that cannot.
unsigned char *mapBetweenGuards(std::size_t pages)
{
    void *memory = ::mmap(nullptr, pages + 2 * pageSize(), PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    auto *usable = static_cast<unsigned char *>(memory) + pageSize();
    if (memory == MAP_FAILED || ::mprotect(usable, pages, PROT_READ | PROT_WRITE) != 0) {
        throw SystemError("memory for a request: mmap()");
    }
    return usable;
}

std::string allBytes()
{
    std::string text;
    for (int c = 0; c < 256; c++) {
        text += static_cast<char>(c);
    }
    return text;
}

} // namespace

struct Requests::Text {
    std::string method = "GET", target = "/", path = "/", version = "HTTP/1.1", scheme = "http";
    std::optional<std::string> query, host, contentType, contentLength;
    std::string serverName = "localhost", serverPort = "80";
    std::string localAddress = "127.0.0.1", remoteAddress = "127.0.0.1";
    std::uint32_t flags = 0, localPort = 80, remotePort = 50123, targetIndex = 0;
    std::uint64_t bodySize = 0;
    std::vector<std::pair<std::string, std::string>> fields;

    Text &body(std::uint64_t size)
    {
        method = "POST";
        bodySize = size;
        contentLength = std::to_string(size);
        contentType = "application/x-www-form-urlencoded";
        flags |= PB_REQUEST_HAS_BODY;
        fields.emplace_back("Content-Length", *contentLength);
        fields.emplace_back("Content-Type", *contentType);
        return *this;
    }
};

Requests::Requests(Texts where) : where_(where)
{
    addShapes();
    addLarge();
    addRandom();
}

void Requests::addShapes()
{
    add("the smallest", {});
    Text full;
    full.target = "/caf%C3%A9?a=1&b";
    full.path = "/caf\xC3\xA9";
    full.query = "a=1&b";
    full.host = full.serverName = "example.com";
    full.fields = {{"Host", "example.com"}, {"Cookie", "a=1"}, {"User-Agent", "check"}};
    add("every member", full.body(5));
    full.flags |= PB_REQUEST_HTTPS | PB_REQUEST_CHUNKED;
    full.scheme = "https";
    full.contentLength.reset();
    full.bodySize = UINT64_MAX;
    full.targetIndex = 3;
    add("chunked, https, a target", full);

    Text empty;
    empty.query = empty.host = empty.contentType = empty.contentLength = "";
    empty.fields = {{"X-Empty", ""}, {"Host", ""}};
    add("empty where the smallest has nothing", empty);
    Text old;
    old.version = "HTTP/1.0";
    old.flags = PB_REQUEST_HTTP10;
    add("HTTP/1.0 without Host", old);
    Text local;
    local.localAddress = "unix:/run/a.sock";
    local.remoteAddress = "unix:";
    local.localPort = local.remotePort = 0;
    add("a unix socket", local);
    Text repeats;
    repeats.fields = {{"Cookie", "a"}, {"X-A", "1"}, {"cookie", "b"}, {"x-a", ""}, {"X-A", "3"}};
    add("repeated fields", repeats);
    Text binary;
    binary.target = binary.path = "/" + allBytes();
    binary.query = allBytes();
    binary.fields = {{"X-Bytes", allBytes()}};
    add("every byte there is", binary);
}

void Requests::addLarge()
{
    Text lengthy;
    lengthy.target = lengthy.path = "/" + std::string(60'000, 'p');
    lengthy.query = std::string(60'000, 'q');
    lengthy.method = std::string(1000, 'M');
    lengthy.fields = {{std::string(5000, 'n'), std::string(100'000, 'v')}};
    add("long texts", lengthy);
    Text many;
    for (int i = 0; i < 10'000; i++) {
        many.fields.emplace_back("X-" + std::to_string(i % 5000), std::to_string(i));
    }
    add("10000 fields", many);
}

void Requests::addRandom()
{
    std::mt19937_64 random(20261123);
    const auto number = [&](std::size_t below) { return random() % below; };
    const auto text = [&](std::size_t most) {
        std::string bytes(number(most), '\0');
        std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
        return bytes;
    };
    const auto maybe = [&](std::size_t most) {
        return number(3) == 0 ? std::nullopt : std::optional(text(most));
    };
    for (std::size_t i = 0; i < kRandomRequests; i++) {
        Text any;
        any.method = text(20);
        any.target = text(300);
        any.path = text(300);
        any.query = maybe(300);
        any.host = maybe(80);
        any.serverName = text(80);
        any.contentType = maybe(80);
        any.contentLength = maybe(20);
        any.flags = static_cast<std::uint32_t>(number(16));
        any.remotePort = static_cast<std::uint32_t>(number(65536));
        any.bodySize = random();
        any.fields.resize(number(40));
        for (auto &[name, value] : any.fields) {
            name = number(2) == 0 ? text(30) : "Cookie";
            value = text(100);
        }
        add("number " + std::to_string(i) + " of those made at random", any);
    }
}

void Requests::add(const std::string &name, const Text &text)
{
    guardsLeft_ = where_ == Texts::guarded ? kGuards : 0;
    bytes_ = 0;
    const auto maybe = [&](const std::optional<std::string> &value) {
        return value ? place(*value) : pb_str{nullptr, 0};
    };
    pb_request request{};
    request.struct_size = sizeof request;
    request.flags = text.flags;
    request.exchange_id = all_.size() + 1;
    request.target_index = text.targetIndex;
    request.method = place(text.method);
    request.target = place(text.target);
    request.path = place(text.path);
    request.query = maybe(text.query);
    request.version = place(text.version);
    request.scheme = place(text.scheme);
    request.host = maybe(text.host);
    request.server_name = place(text.serverName);
    request.server_port = place(text.serverPort);
    request.local_address = place(text.localAddress);
    request.remote_address = place(text.remoteAddress);
    request.local_port = text.localPort;
    request.remote_port = text.remotePort;
    request.content_type = maybe(text.contentType);
    request.content_length_text = maybe(text.contentLength);
    request.content_length = text.bodySize;
    std::vector<pb_field> &fields = fields_.emplace_back();
    for (const auto &[fieldName, value] : text.fields) {
        fields.push_back({place(fieldName), place(value)});
    }
    request.fields = fields.data();
    request.field_count = fields.size();
    all_.push_back({name, request, bytes_});
}

pb_str Requests::place(std::string_view text)
{
    bytes_ += text.size();
    if (guardsLeft_ > 0) {
        guardsLeft_--;
        return placeGuarded(text);
    }
    const std::string &kept = texts_.emplace_back(text);
    return {kept.data(), kept.size()};
}

pb_str Requests::placeGuarded(std::string_view text)
{
    const std::size_t pages = wholePages(text.size());
    unsigned char *memory = mapBetweenGuards(pages);
    unsigned char *start = memory + pages - text.size();
    std::memcpy(start, text.data(), text.size());
    ::mprotect(memory, pages, PROT_READ);
    return {reinterpret_cast<const char *>(start), text.size()};
}

GuardedOutput::GuardedOutput(std::size_t size, Edge edge, unsigned char fill)
    : pages_(wholePages(size)), size_(size), fill_(fill)
{
    memory_ = mapBetweenGuards(pages_);
    std::memset(memory_, fill, pages_);
    data_ = memory_;
    if (edge == Edge::behind) {
        data_ += (pages_ - size) / kAlignment * kAlignment;
    }
}

GuardedOutput::~GuardedOutput()
{
    ::munmap(memory_ - pageSize(), pages_ + 2 * pageSize());
}

bool GuardedOutput::edgeIntact() const noexcept
{
    return std::all_of(memory_, data_, [&](unsigned char byte) { return byte == fill_; }) &&
           std::all_of(data_ + size_, memory_ + pages_,
                       [&](unsigned char byte) { return byte == fill_; });
}

} // namespace patchbay::check
