// [engine] Registered phrases of status numbers (RFC 9110 15 and the IANA registry); see
// response_writer.hpp.
#include "router/http/response_writer.hpp"

namespace patchbay::http {
namespace {

struct Phrase {
    unsigned status;
    std::string_view text;
};

// IANA's registry of HTTP status codes, unused numbers included; 418 with the name everyone uses.
constexpr Phrase kRegistered[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {306, "(Unused)"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {418, "I'm a teapot"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {510, "Not Extended"},
    {511, "Network Authentication Required"},
};

constexpr unsigned kFirst = 100;
constexpr unsigned kLast = 511;

consteval std::array<std::string_view, kLast - kFirst + 1> makeTable()
{
    std::array<std::string_view, kLast - kFirst + 1> table{};
    for (const Phrase &phrase : kRegistered) {
        table[phrase.status - kFirst] = phrase.text;
    }
    return table;
}

constexpr auto kTable = makeTable();

} // namespace

std::string_view reasonPhrase(unsigned status) noexcept
{
    return status >= kFirst && status <= kLast ? kTable[status - kFirst] : std::string_view();
}

} // namespace patchbay::http
